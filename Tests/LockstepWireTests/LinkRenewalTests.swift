import LockstepCollectives
import LockstepWire
import NIOCore
import NIOEmbedded
import Testing

/// How a link that has carried enough makes way for another.
struct LinkRenewalTests {
    @Test(arguments: [true, false])
    func aWornLinkSaysSoOnce(_ sends: Bool) throws {
        let receiver = TestReceiver()
        let (channel, handler) = try EmbeddedLink.open(receiver, isLoopback: false, recordsPerKey: 10)
        let payload = [UInt8](repeating: 1, count: 40_000)
        let header = FrameHeader(kind: .total, length: UInt32(payload.count))
        for number in 1...6 {
            if sends {
                handler.send(header, bytes: payload)
                handler.flush()
            } else {
                try channel.writeInbound(ByteBuffer(bytes: header.bytes + payload))
            }
            // Three records each: 40 032 bytes.
            #expect(receiver.events.contains(.worn) == (number >= 4), "\(number)")
        }
        #expect(receiver.events.count { $0 == .worn } == 1)
    }

    @Test func retiringIsTheLastWord() throws {
        let receiver = TestReceiver()
        let (channel, handler) = try EmbeddedLink.open(receiver)
        handler.send(FrameHeader(kind: .record, length: 1), bytes: [1])
        handler.retire()
        #expect(try EmbeddedLink.headers(EmbeddedLink.written(channel)).map(\.kind) == [.record, .retire])
        // The other direction goes on, but nothing is acknowledged: the other side may have closed the link by then.
        let frame = FrameHeader(kind: .total, length: 1 << 18).bytes + [UInt8](repeating: 1, count: 1 << 18)
        try channel.writeInbound(ByteBuffer(bytes: frame))
        #expect(try EmbeddedLink.written(channel).isEmpty)
        try channel.writeInbound(ByteBuffer(bytes: FrameHeader(kind: .retire, length: 0).bytes))
        #expect(receiver.events.last == .retired)
        // Who may close it, is for the receiver to say.
        #expect(channel.isActive)
    }

    @Test func theOtherSideRetiresFirst() throws {
        let receiver = TestReceiver()
        receiver.onRetired = { link in
            link?.send(FrameHeader(kind: .record, length: 1), bytes: [1])
            link?.retire()
        }
        let (channel, _) = try EmbeddedLink.open(receiver)
        try channel.writeInbound(ByteBuffer(bytes: FrameHeader(kind: .retire, length: 0).bytes))
        #expect(try EmbeddedLink.headers(EmbeddedLink.written(channel)).map(\.kind) == [.record, .retire])
        #expect(receiver.events.dropFirst() == [.retired])
    }

    @Test(arguments: [FrameKind.total, .acknowledgement, .retire, .renew])
    func nothingComesAfterRetiring(_ kind: FrameKind) throws {
        let receiver = TestReceiver()
        let (channel, _) = try EmbeddedLink.open(receiver)
        let retired = FrameHeader(kind: .retire, length: 0).bytes
        _ = try? channel.writeInbound(ByteBuffer(bytes: retired + FrameHeader(kind: kind, length: 0).bytes))
        #expect(
            receiver.events
                == [.opened, .retired, .closed(.violation("w1 sent a frame after it had retired the link"))])
    }

    @Test func renewalIsAskedFor() throws {
        let receivers = [TestReceiver(), TestReceiver()]
        let links = try receivers.map { try EmbeddedLink.open($0) }
        links[0].1.requestRenewal()
        try links[1].0.writeInbound(ByteBuffer(bytes: EmbeddedLink.written(links[0].0)))
        #expect(receivers[1].events == [.opened, .renewalRequested])
    }
}
