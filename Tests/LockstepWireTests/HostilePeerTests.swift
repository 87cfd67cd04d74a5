import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import NIOCore
import NIOPosix
import Testing

/// Data links whose other end does not behave, with real sockets.
@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads)
struct HostilePeerTests {
    private static func greeting(_ name: String, _ peer: String) -> LinkGreeting {
        LinkGreeting(
            generation: 3, name: name, process: ProcessNumber(1), peerName: peer, peerProcess: ProcessNumber(2)
        )
    }

    /// A worker w1 with its links on one loop, and what happens on each of them by the other end's name.
    private final class Worker: Sendable {
        let authority: TestAuthority
        let listener: SecureListener
        let events: AsyncStream<(String, TestReceiver.Event)>

        init(onOpen: @escaping @Sendable (String, DataLinkHandler) -> Void = { _, _ in }) async throws {
            authority = try TestAuthority()
            let (stream, continuation) = AsyncStream.makeStream(of: (String, TestReceiver.Event).self)
            events = stream
            listener = try await SecureListener.data(
                at: Endpoint(host: "127.0.0.1", port: 0), on: MultiThreadedEventLoopGroup.singleton.next(),
                contexts: .patient(authority.identity(.init("lockstep://demo/worker/w1"))), limits: .patient,
                logger: LogRecorder().logger
            ) { greeting, _ throws(LinkError) in
                let receiver = TestReceiver { continuation.yield((greeting.name, $0)) }
                receiver.onOpen = { onOpen(greeting.name, $0) }
                return DataLinkAdmission(
                    greeting: HostilePeerTests.greeting("w1", greeting.name), receiver: receiver)
            }
        }

        /// A peer with a good certificate and greeting, whose link is open, and that says what it likes from now on.
        func peer(_ name: String) async throws -> RawPeer {
            let tls = try TestCluster.clientTLS(authority, of: "lockstep://demo/worker/\(name)")
            let peer = try await RawPeer.connect(to: listener.address, tls: tls)
            await peer.somethingHeard()
            let greeting = try ControlMessageCoding.encode(HostilePeerTests.greeting(name, "w1"))
            try await peer.send(FrameHeader(kind: .link, length: UInt32(greeting.count)).bytes + greeting)
            return peer
        }

        func next(from name: String) async -> TestReceiver.Event? {
            for await (other, event) in events where other == name { return event }
            return nil
        }

        func closing(of name: String) async -> LinkError? {
            while let event = await next(from: name) {
                if case .closed(let error) = event { return error }
            }
            return nil
        }
    }

    /// It is taken byte by byte, and other links are not kept waiting.
    @Test func oneByteAtATime() async throws {
        let worker = try await Worker()
        let slow = try await worker.peer("w0")
        #expect(await worker.next(from: "w0") == .opened)
        let good = try await worker.peer("w2")
        #expect(await worker.next(from: "w2") == .opened)
        let payload: [UInt8] = [1, 2, 3, 4, 5]
        let header = FrameHeader(kind: .total, generation: 3, length: 5)
        for (number, byte) in (header.bytes + payload).enumerated() {
            try await slow.send([byte])
            guard number % 8 == 0 else { continue }
            let step = FrameHeader(kind: .record, step: UInt32(number), length: 1)
            try await good.send(step.bytes + [9])
            #expect(await worker.next(from: "w2") == .frame(step, [9]))
        }
        #expect(await worker.next(from: "w0") == .frame(header, payload))
        slow.close()
        good.close()
    }

    @Test func cutInsideAFrame() async throws {
        let worker = try await Worker()
        let peer = try await worker.peer("w0")
        try await peer.send(FrameHeader(kind: .contribution, length: 100).bytes + [1, 2, 3])
        peer.close()
        let error = await worker.closing(of: "w0")
        #expect(error?.reason.contains("w0 at 127.0.0.1:") == true, "\(error?.reason ?? "")")
        #expect(error?.isWorthRetrying == true)
    }

    @Test func framesAfterRetiring() async throws {
        let worker = try await Worker()
        let peer = try await worker.peer("w0")
        try await peer.send(
            FrameHeader(kind: .retire, length: 0).bytes + FrameHeader(kind: .total, length: 1).bytes + [1])
        let error = await worker.closing(of: "w0")
        #expect(error?.reason.hasSuffix("sent a frame after it had retired the link") == true, "\(error?.reason ?? "")")
        _ = try await peer.closed()
    }

    /// A peer that never reads stops what is sent to it, not what others get; what waits stays where it is, and a later
    /// end of the link is heard.
    @Test func aPeerThatDoesNotRead() async throws {
        let payload = [UInt8](repeating: 7, count: 400_000)
        let header = FrameHeader(kind: .total, length: UInt32(payload.count))
        let memory = PinnedBytes(payload)
        let worker = try await Worker { name, link in
            guard name == "w0" else { return }
            for _ in 0..<200 { link.send(header, payload: memory.bytes) }
            link.flush()
        }
        let deaf = try await worker.peer("w0")
        deaf.stopReading()
        #expect(await worker.next(from: "w0") == .opened)
        let good = try await worker.peer("w2")
        #expect(await worker.next(from: "w2") == .opened)
        let record = FrameHeader(kind: .record, length: 1)
        try await good.send(record.bytes + [9])
        #expect(await worker.next(from: "w2") == .frame(record, [9]))
        deaf.close()
        var sent = 0
        while let event = await worker.next(from: "w0") {
            if event == .sent(header) { sent += 1 }
            if case .closed = event { break }
        }
        // 1 MiB may be on its way: three of these frames, the last one begun inside it.
        #expect(sent <= 3)
    }

    /// The peer acknowledges nothing because it is no link; then nothing is sent beyond the window.
    @Test func aPeerThatNeverAcknowledges() async throws {
        let payload = [UInt8](repeating: 7, count: 400_000)
        let header = FrameHeader(kind: .total, length: UInt32(payload.count))
        let memory = PinnedBytes(payload)
        let worker = try await Worker { _, link in
            for _ in 0..<200 { link.send(header, payload: memory.bytes) }
            link.flush()
        }
        let peer = try await worker.peer("w0")
        var sent = 0
        #expect(await worker.next(from: "w0") == .opened)
        while sent < 3, await worker.next(from: "w0") == .sent(header) { sent += 1 }
        peer.close()
        let end = try await peer.closed()
        #expect(end.received.count <= 3 * (payload.count + 32) + 4096)
        #expect(await worker.closing(of: "w0") != nil)
    }
}

/// Bytes that stay where they are.
final class PinnedBytes: @unchecked Sendable {
    // Safe: nobody writes to it.
    let bytes: UnsafeRawBufferPointer

    init(_ bytes: [UInt8]) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
        memory.copyBytes(from: bytes)
        self.bytes = UnsafeRawBufferPointer(memory)
    }

    deinit { UnsafeMutableRawBufferPointer(mutating: bytes).deallocate() }
}
