import CMallocCounter
import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import NIOCore
import NIOPosix
import Testing

/// Two links in a row between two workers of this machine, one loop each: gradients both ways at once.
@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads)
struct DataLinkExchangeTests {
    /// One end: sends its vector in frames, adds what comes to it. On its loop.
    private final class End: FrameReceiver, @unchecked Sendable {
        // Safe: everything is touched on the loop only, but for the streams.
        let loop: any EventLoop
        let own: UnsafeMutableBufferPointer<Float>
        let total: UnsafeMutableBufferPointer<Float>
        let opened = AsyncStream.makeStream(of: LinkError?.self)
        let finished = AsyncStream.makeStream(of: LinkError?.self)
        var link: DataLinkHandler?
        var isReady = false
        var sent = 0
        var received = 0
        var worn = 0
        static let frameFloats = 126_976

        init(loop: any EventLoop, count: Int, scale: Float) {
            self.loop = loop
            own = .allocate(capacity: count)
            total = .allocate(capacity: count)
            for index in 0..<count { own[index] = Float(index % 1000) * scale }
            total.initialize(repeating: 0)
        }

        deinit {
            own.deallocate()
            total.deallocate()
        }

        func begin() {
            sent = 0
            received = 0
            isReady = true
            var start = 0
            while start < own.count {
                let piece = UnsafeMutableBufferPointer(
                    rebasing: own[start..<min(own.count, start + End.frameFloats)])
                let payload = UnsafeRawBufferPointer(piece)
                link?.send(
                    FrameHeader(kind: .contribution, length: UInt32(payload.count), offset: UInt64(start * 4)),
                    payload: payload)
                start += piece.count
            }
            link?.flush()
            link?.resume()
        }

        func linkOpened(_ link: DataLinkHandler) {
            self.link = link
            opened.continuation.yield(nil)
        }

        func willReceive(_ header: FrameHeader) throws -> FrameDestination {
            guard isReady, let own = own.baseAddress, let total = total.baseAddress else { return .hold }
            let offset = Int(header.offset) / 4
            return .sum(own: own + offset, into: total + offset)
        }

        func didReceive(_ header: FrameHeader) throws {
            received += Int(header.length)
            finishIfDone()
        }

        func didSend(_ header: FrameHeader) {
            sent += Int(header.length)
            finishIfDone()
        }

        private func finishIfDone() {
            guard received == own.count * 4, sent == own.count * 4 else { return }
            isReady = false
            finished.continuation.yield(nil)
        }

        func linkIsWorn() { worn += 1 }
        func linkRenewalRequested() {}
        func linkRetired() {}

        func linkClosed(_ error: LinkError) {
            link = nil
            opened.continuation.yield(error)
            finished.continuation.yield(error)
        }
    }

    private struct Pair {
        let listener: SecureListener
        let log = LogRecorder()
        let ends: [End]

        init(
            count: Int, isClear: Bool, group: MultiThreadedEventLoopGroup = .singleton
        ) async throws {
            let authority = try TestAuthority()
            let loops = [group.next(), group.next()]
            let ends = [
                End(loop: loops[0], count: count, scale: 1), End(loop: loops[1], count: count, scale: 1000),
            ]
            self.ends = ends
            func greeting(_ own: Int, _ peer: Int) -> LinkGreeting {
                LinkGreeting(
                    generation: 3, name: "w\(own)", process: ProcessNumber(1), peerName: "w\(peer)",
                    peerProcess: ProcessNumber(2))
            }
            let answer = greeting(1, 0)
            listener = try await SecureListener.data(
                at: Endpoint(host: "127.0.0.1", port: 0), on: loops[1],
                contexts: .patient(authority.identity(.init("lockstep://demo/worker/w1"))), limits: .patient,
                isClear: isClear, logger: log.logger
            ) { _, _ throws(LinkError) in DataLinkAdmission(greeting: answer, receiver: ends[1]) }
            try await DataLinkDialer(
                group: loops[0], contexts: .patient(authority.identity(.init("lockstep://demo/worker/w0"))),
                isClear: isClear
            )
            .connect(
                to: listener.address, greeting: greeting(0, 1), timeout: .patience, objection: { _ in nil }
            ) { _ in ends[0] }
            for end in ends { for await _ in end.opened.stream { break } }
        }

        func exchange() async throws {
            for end in ends { end.loop.execute { end.begin() } }
            for end in ends {
                for await error in end.finished.stream {
                    if let error { throw error }
                    break
                }
            }
        }
    }

    @Test(arguments: [false, true])
    func vectorsAreAdded(_ isClear: Bool) async throws {
        // Odd lengths, more than the window, and a frame that is short.
        let pair = try await Pair(count: 1_100_003, isClear: isClear)
        for _ in 0..<3 {
            for end in pair.ends { end.total.update(repeating: 0) }
            try await pair.exchange()
            for end in pair.ends {
                let wrong = end.total.indices.first { end.total[$0] != Float($0 % 1000) * 1001 }
                #expect(wrong == nil)
            }
        }
        #expect(pair.log.warnings.contains { $0.contains("are in the clear") } == isClear)
    }

    /// TLS and its absence do not meet by accident.
    @Test func clearAndTLSDoNotMix() async throws {
        let pair = try await Pair(count: 16, isClear: true)
        let authority = try TestAuthority()
        let greeting = LinkGreeting(
            generation: 3, name: "w0", process: ProcessNumber(1), peerName: "w1", peerProcess: ProcessNumber(2))
        await #expect(throws: LinkError.self) {
            try await DataLinkDialer(
                group: MultiThreadedEventLoopGroup.singleton,
                contexts: .patient(authority.identity(.init("lockstep://demo/worker/w0")))
            )
            .connect(
                to: pair.listener.address, greeting: greeting, timeout: .patience, objection: { _ in nil }
            ) { loop in
                End(loop: loop, count: 16, scale: 1)
            }
        }
    }

    /// Beside what BoringSSL allocates for each record, one buffer to seal and one to open it, allocations grow by at
    /// most one for each 512 KiB.
    @Test(.enabled(if: malloc_counter_works())) func allocationsDoNotGrowWithTheVector() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        for _ in 0..<2 { try await group.next().submit { ThreadName.set("counted") }.get() }
        func allocations(_ mebibytes: Int) async throws -> Int {
            let pair = try await Pair(count: mebibytes << 18, isClear: false, group: group)
            var least = Int.max
            for _ in 0..<8 {
                let before = malloc_counter_total("counted")
                try await pair.exchange()
                least = min(least, Int(malloc_counter_total("counted") - before))
            }
            // Before the loops end: who still asks something of them then leaves a promise behind.
            pair.listener.initiateShutdown()
            for end in pair.ends { try await end.loop.submit { end.link?.close() }.get() }
            await pair.listener.waitUntilClosed()
            return least
        }
        let bytes = 2 * 4 << 20
        // Of payload, and one that acknowledges each 256 KiB.
        let records = bytes / (16 << 10) + bytes / (256 << 10)
        #if DEBUG
        // A build that is not optimized makes some of its values on the heap.
        let others = bytes / (32 << 10)
        #else
        let others = bytes / (512 << 10)
        #endif
        // The least of many: on a busy machine reads are cut into more pieces.
        var (small, large, growth, tries) = (Int.max, Int.max, 0, 0)
        repeat {
            small = min(small, try await allocations(1))
            large = min(large, try await allocations(5))
            growth = large - small
            tries += 1
        } while tries < 100 && !(records + 1...2 * records + others).contains(growth)
        #expect(growth <= 2 * records + others, "\(growth) allocations, \(records) records")
        #expect(growth > records, "the counter counts")
        try await group.shutdownGracefully()
    }
}
