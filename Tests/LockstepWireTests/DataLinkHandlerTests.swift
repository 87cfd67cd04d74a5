import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import LockstepWire
import NIOCore
import NIOEmbedded
import Testing

/// The data link's handler alone, on a channel without a network.
struct DataLinkHandlerTests {
    private func frames(_ count: Int, _ random: inout SeededGenerator) -> [(FrameHeader, [UInt8])] {
        (0..<count).map { number in
            let payload = random.bytes([0, 1, 31, 32, 33, 1000].randomElement(using: &random) ?? 0)
            return (
                FrameHeader(kind: .total, generation: 1, step: UInt32(number), length: UInt32(payload.count)), payload
            )
        }
    }

    @Test func framesArriveInAnyPieces() throws {
        for seed in 1...10 as ClosedRange<UInt64> { try expectFrames(seed) }
    }

    private func expectFrames(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let sent = frames(12, &random)
        let stream = sent.flatMap { $0.0.bytes + $0.1 }
        for largestPiece in [1, 7, 31, 32, 33, 64, stream.count] {
            let receiver = TestReceiver()
            let (channel, _) = try EmbeddedLink.open(receiver)
            var rest = stream[...]
            while !rest.isEmpty {
                let count = Int.random(in: 1...min(largestPiece, rest.count), using: &random)
                try channel.writeInbound(ByteBuffer(bytes: rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            #expect(
                receiver.events == [.opened] + sent.map { .frame($0.0, $0.1) },
                "seed \(seed), pieces of \(largestPiece)"
            )
            _ = try channel.finish()
            #expect(receiver.events.last == .closed(.closed("w1 closed the connection")))
        }
    }

    @Test func whatIsSentIsTheStream() throws {
        for seed in 1...20 as ClosedRange<UInt64> { try expectStream(seed) }
    }

    private func expectStream(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let sent = frames(12, &random)
        let (channel, handler) = try EmbeddedLink.open(TestReceiver())
        for (header, payload) in sent {
            payload.withUnsafeBytes { bytes in
                handler.send(header, payload: bytes)
                handler.flush()
            }
        }
        #expect(try EmbeddedLink.written(channel) == sent.flatMap { $0.0.bytes + $0.1 }, "seed \(seed)")
        for (header, payload) in sent { handler.send(header, bytes: payload) }
        #expect(try EmbeddedLink.written(channel).isEmpty, "queued, not sent")
        handler.flush()
        #expect(try EmbeddedLink.written(channel) == sent.flatMap { $0.0.bytes + $0.1 }, "seed \(seed)")
    }

    /// A full socket keeps descriptors only; the bytes are read when there is room, and in order.
    @Test func aFullSocket() throws {
        let receiver = TestReceiver()
        let (channel, handler) = try EmbeddedLink.open(receiver, isLoopback: false)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 5 << 18, alignment: 64)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 1)
        channel.isWritable = false
        let header = FrameHeader(kind: .contribution, length: UInt32(memory.count))
        handler.send(header, payload: UnsafeRawBufferPointer(memory))
        handler.send(FrameHeader(kind: .record, length: 2), bytes: [8, 9])
        handler.flush()
        #expect(try EmbeddedLink.written(channel).isEmpty)
        // Read late: what stands there now is what goes out.
        memory.initializeMemory(as: UInt8.self, repeating: 2)
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        let pieces = try EmbeddedLink.pieces(channel)
        #expect(pieces.allSatisfy { $0.count <= 512 << 10 })
        let all = pieces.flatMap { $0 }
        #expect(Array(all.prefix(32)) == header.bytes)
        #expect(all.count == 32 + memory.count + 34)
        #expect(Array(all[32..<32 + memory.count]) == [UInt8](repeating: 2, count: memory.count))
        #expect(all.suffix(2) == [8, 9])
        // The record's bytes were the link's own.
        #expect(receiver.events == [.opened, .sent(header)])
    }

    @Test func answersFromInsideARead() throws {
        let receiver = TestReceiver()
        let (channel, handler) = try EmbeddedLink.open(receiver)
        receiver.answer = { header in
            // Reading on must not depend on what sending does, also when it is asked for in the middle.
            handler.send(FrameHeader(kind: .total, step: header.step, length: 1), bytes: [UInt8(header.step)])
            return nil
        }
        let stream = (0..<5).flatMap { FrameHeader(kind: .contribution, step: $0, length: 3).bytes + [1, 2, 3] }
        try channel.writeInbound(ByteBuffer(bytes: stream))
        #expect(receiver.events.count == 6)
        #expect(try EmbeddedLink.written(channel).count == 5 * 33)
    }

    @Test func heldFramesWaitUnread() throws {
        let receiver = TestReceiver()
        let isReady = Box(false)
        receiver.answer = { _ in isReady.value ? nil : .hold }
        let (channel, handler) = try EmbeddedLink.open(receiver)
        let headers = (0..<3).map { FrameHeader(kind: .total, generation: 2, step: $0, length: 1) }
        for header in headers { try channel.writeInbound(ByteBuffer(bytes: header.bytes + [UInt8(header.step)])) }
        handler.resume()
        #expect(receiver.events == [.opened])
        isReady.value = true
        handler.resume()
        #expect(receiver.events == [.opened] + headers.map { .frame($0, [UInt8($0.step)]) })
        handler.resume()
        try channel.writeInbound(ByteBuffer(bytes: headers[0].bytes + [0]))
        #expect(receiver.events.count == 5)
    }

    @Test func noPlaceClosesTheLink() throws {
        let receiver = TestReceiver()
        receiver.answer = { throw ExchangeFault(0, "sent bucket \($0.bucket), which does not exist") }
        let (channel, handler) = try EmbeddedLink.open(receiver)
        _ = try? channel.writeInbound(
            ByteBuffer(bytes: FrameHeader(kind: .total, bucket: 9, length: 8).bytes + [1, 2]))
        guard case .closed(.violation(let reason)) = receiver.events.last else {
            Issue.record("\(receiver.events)")
            return
        }
        #expect(reason.contains("which does not exist"))
        #expect(!channel.isActive)
        // A dead link swallows what comes late.
        handler.send(FrameHeader(kind: .record, length: 1), bytes: [1])
        handler.resume()
        handler.close()
        #expect(receiver.events.count == 2)
    }

    @Test func memoryOfAnotherLengthIsRefused() throws {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
        defer { memory.deallocate() }
        let receiver = TestReceiver()
        receiver.answer = { _ in .memory(memory) }
        let (channel, _) = try EmbeddedLink.open(receiver)
        _ = try? channel.writeInbound(ByteBuffer(bytes: FrameHeader(kind: .total, length: 9).bytes))
        #expect(receiver.events.last == .closed(.violation("w1 sent a frame of 9 bytes where 8 are due")))
    }

    @Test func endInsideAFrame() throws {
        let receiver = TestReceiver()
        let (channel, _) = try EmbeddedLink.open(receiver)
        try channel.writeInbound(ByteBuffer(bytes: FrameHeader(kind: .total, length: 9).bytes + [1]))
        _ = try channel.finish()
        #expect(receiver.events.last == .closed(.closed("w1 closed the connection inside a frame")))
    }

    /// Random and damaged streams end in frames or a closed link, never a trap.
    @Test func damage() throws {
        for seed in 1...300 as ClosedRange<UInt64> { try expectNoTrap(seed) }
    }

    private func expectNoTrap(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var stream = frames(6, &random).flatMap { $0.0.bytes + $0.1 }
        for _ in 0..<3 {
            let position = Int.random(in: stream.indices, using: &random)
            stream[position] = UInt8.random(in: 0...255, using: &random)
        }
        if seed % 3 == 0 { stream = random.bytes(400) }
        let receiver = TestReceiver()
        let (channel, _) = try EmbeddedLink.open(receiver)
        var rest = stream[...]
        while !rest.isEmpty {
            let count = Int.random(in: 1...min(100, rest.count), using: &random)
            _ = try? channel.writeInbound(ByteBuffer(bytes: rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        _ = try? channel.finish()
        let closings = receiver.events.count { if case .closed = $0 { true } else { false } }
        #expect(closings == 1, "seed \(seed)")
    }
}

final class Box<Value> {
    var value: Value

    init(_ value: Value) { self.value = value }
}
