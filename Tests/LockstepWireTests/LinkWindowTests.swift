import LockstepCollectives
import LockstepTestSupport
import LockstepWire
import NIOCore
import NIOEmbedded
import Testing

/// What may be on its way, and who says what was taken.
struct LinkWindowTests {
    private static let frameBytes = 256 << 10

    private func queue(_ count: Int, _ handler: DataLinkHandler) {
        let payload = [UInt8](repeating: 3, count: LinkWindowTests.frameBytes)
        for step in 0..<count {
            handler.send(
                FrameHeader(kind: .total, step: UInt32(step), length: UInt32(payload.count)), bytes: payload)
        }
        handler.flush()
    }

    private func acknowledgement(_ kibibytes: Int) -> ByteBuffer {
        ByteBuffer(bytes: FrameHeader(kind: .acknowledgement, acknowledged: UInt16(kibibytes), length: 0).bytes)
    }

    @Test func sendingStopsAtTheWindow() throws {
        let (channel, handler) = try EmbeddedLink.open(TestReceiver())
        queue(20, handler)
        #expect(try EmbeddedLink.headers(EmbeddedLink.written(channel)).count == 4)
        // Half a frame makes room for the next one, which is sent whole.
        try channel.writeInbound(acknowledgement(130))
        #expect(try EmbeddedLink.headers(EmbeddedLink.written(channel)).map(\.step) == [4])
        try channel.writeInbound(acknowledgement(1024))
        #expect(try EmbeddedLink.headers(EmbeddedLink.written(channel)).map(\.step) == [5, 6, 7, 8])
    }

    /// Whoever has retired a link acknowledges nothing more on it.
    @Test func aPeerThatHasRetiredIsNotWaitedFor() throws {
        let (channel, handler) = try EmbeddedLink.open(TestReceiver())
        queue(20, handler)
        #expect(try EmbeddedLink.headers(EmbeddedLink.written(channel)).count == 4)
        try channel.writeInbound(ByteBuffer(bytes: FrameHeader(kind: .retire, length: 0).bytes))
        #expect(try EmbeddedLink.headers(EmbeddedLink.written(channel)).count == 16)
    }

    @Test func aWiderWindowToOtherMachines() throws {
        let (channel, handler) = try EmbeddedLink.open(TestReceiver(), isLoopback: false)
        queue(40, handler)
        #expect(try EmbeddedLink.headers(EmbeddedLink.written(channel)).count == 32)
    }

    @Test func whatWasTakenIsSaid() throws {
        let receiver = TestReceiver()
        let (channel, handler) = try EmbeddedLink.open(receiver)
        let frame = FrameHeader(kind: .total, length: 1 << 17).bytes + [UInt8](repeating: 1, count: 1 << 17)
        // Little is not worth a frame of its own …
        try channel.writeInbound(ByteBuffer(bytes: frame))
        #expect(try EmbeddedLink.written(channel).isEmpty)
        // … but goes with one that is sent anyway,
        handler.send(FrameHeader(kind: .record, length: 1), bytes: [7])
        handler.flush()
        let first = try EmbeddedLink.headers(EmbeddedLink.written(channel))
        #expect(first.map(\.kind) == [.record])
        #expect(first.first?.acknowledged == 128)
        // and much goes alone.
        try channel.writeInbound(ByteBuffer(bytes: frame + frame))
        let second = try EmbeddedLink.headers(EmbeddedLink.written(channel))
        #expect(second.map(\.kind) == [.acknowledgement])
        #expect(second.first?.acknowledged == 256)
        // The receiver hears of none of it.
        #expect(
            receiver.events.allSatisfy { if case .frame(let header, _) = $0 { header.acknowledged == 0 } else { true } }
        )
    }

    /// Two links that talk to each other until nothing is left: nobody waits for ever, and acknowledgements end.
    @Test func bothWays() throws {
        let receivers = [TestReceiver(), TestReceiver()]
        let links = try receivers.map { try EmbeddedLink.open($0) }
        for (_, handler) in links { queue(30, handler) }
        var rounds = 0
        while rounds < 1000 {
            var isQuiet = true
            for (from, to) in [(0, 1), (1, 0)] {
                let bytes = try EmbeddedLink.written(links[from].0)
                guard !bytes.isEmpty else { continue }
                isQuiet = false
                try links[to].0.writeInbound(ByteBuffer(bytes: bytes))
            }
            if isQuiet { break }
            rounds += 1
        }
        #expect(rounds < 100)
        for receiver in receivers {
            #expect(receiver.events.count { if case .frame = $0 { true } else { false } } == 30)
        }
    }

    /// A link that is held does not hear what the peer has taken; nothing may wait for that.
    @Test func aHeldLinkSendsOn() throws {
        let receiver = TestReceiver()
        receiver.answer = { _ in .hold }
        let (channel, handler) = try EmbeddedLink.open(receiver)
        queue(20, handler)
        #expect(try EmbeddedLink.headers(EmbeddedLink.written(channel)).count == 4)
        try channel.writeInbound(ByteBuffer(bytes: FrameHeader(kind: .total, length: 1).bytes))
        #expect(try EmbeddedLink.headers(EmbeddedLink.written(channel)).count == 16)
    }

    @Test(arguments: [
        (FrameHeader(kind: .acknowledgement, acknowledged: 1, length: 0), "w1 acknowledged more than was sent to it"),
        (FrameHeader(kind: .total, acknowledged: .max, length: 0), "w1 acknowledged more than was sent to it"),
        (FrameHeader(kind: .acknowledgement, length: 4), "w1 sent a frame of kind acknowledgement with a payload"),
        (FrameHeader(kind: .retire, length: 4), "w1 sent a frame of kind retire with a payload"),
    ])
    func nonsense(_ header: FrameHeader, _ words: String) throws {
        let receiver = TestReceiver()
        let (channel, _) = try EmbeddedLink.open(receiver)
        _ = try? channel.writeInbound(ByteBuffer(bytes: header.bytes))
        #expect(receiver.events == [.opened, .closed(.violation(words))])
    }

    /// Headers and small frames share a write; what is large goes as it lies, in whole TLS records.
    @Test func fewPieces() throws {
        let (channel, handler) = try EmbeddedLink.open(TestReceiver())
        let large = UnsafeMutableRawBufferPointer.allocate(byteCount: 500_000, alignment: 64)
        defer { large.deallocate() }
        large.initializeMemory(as: UInt8.self, repeating: 5)
        handler.send(FrameHeader(kind: .record, length: 100), bytes: [UInt8](repeating: 1, count: 100))
        handler.send(FrameHeader(kind: .contribution, length: 3000), bytes: [UInt8](repeating: 2, count: 3000))
        handler.send(FrameHeader(kind: .total, length: 500_000), payload: UnsafeRawBufferPointer(large))
        handler.send(FrameHeader(kind: .record, length: 10), bytes: [UInt8](repeating: 3, count: 10))
        handler.flush()
        let pieces = try EmbeddedLink.pieces(channel)
        #expect(pieces.map(\.count) == [16384, 29 * 16384, 500_000 + 3238 - 30 * 16384])
        let headers = try EmbeddedLink.headers(pieces.flatMap { $0 })
        #expect(headers.map(\.length) == [100, 3000, 500_000, 10])
    }
}
