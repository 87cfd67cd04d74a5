import LockstepCollectives
import LockstepTestSupport
import LockstepWire
import NIOCore
import NIOEmbedded
import Testing

/// Payloads that are added as they are read.
struct FrameSumTests {
    /// The sums of `payload` and `own` that the link makes when the stream comes in pieces of at most `largestPiece`.
    private func sums(
        _ own: [Float], _ payload: [Float], largestPiece: Int, _ random: inout SeededGenerator
    ) throws -> (sums: [Float], isFinite: Bool) {
        let receiver = TestReceiver()
        let (channel, handler) = try EmbeddedLink.open(receiver)
        let into = UnsafeMutableBufferPointer<Float>.allocate(capacity: own.count)
        into.initialize(repeating: -1)
        defer { into.deallocate() }
        var isFinite: Bool?
        receiver.seen = { _ in
            isFinite = handler.lastSumIsFinite
            return []
        }
        let base = try #require(into.baseAddress)
        try own.withUnsafeBufferPointer { own in
            let ownBase = try #require(own.baseAddress)
            receiver.answer = { _ in .sum(own: ownBase, into: base) }
            let bytes = payload.withUnsafeBytes { Array($0) }
            // An odd beginning, so that the payload is nowhere aligned.
            let stream = FrameHeader(kind: .contribution, length: UInt32(bytes.count)).bytes + bytes
            var rest = stream[...]
            while !rest.isEmpty {
                let count = Int.random(in: 1...min(largestPiece, rest.count), using: &random)
                var buffer = ByteBuffer(repeating: 0, count: Int.random(in: 0...3, using: &random))
                buffer.moveReaderIndex(to: buffer.writerIndex)
                buffer.writeBytes(rest.prefix(count))
                try channel.writeInbound(buffer)
                rest = rest.dropFirst(count)
            }
        }
        return (Array(into), try #require(isFinite as Bool?))
    }

    private func vector(_ count: Int, _ random: inout SeededGenerator) -> [Float] {
        (0..<count).map { _ in Float.random(in: -1...1, using: &random) }
    }

    @Test func piecesCutAnywhereGiveTheSameSums() throws {
        for seed in 1...10 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            for count in [1, 2, 15, 64, 1001] {
                let own = vector(count, &random)
                let payload = vector(count, &random)
                for largestPiece in [1, 2, 3, 5, 33, 10_000] {
                    let found = try sums(own, payload, largestPiece: largestPiece, &random)
                    #expect(found.sums == zip(own, payload).map { $0 + $1 }, "seed \(seed), pieces of \(largestPiece)")
                    #expect(found.isFinite)
                }
            }
        }
    }

    @Test(arguments: [Float.infinity, -.infinity, .nan])
    func whatIsNotFiniteIsSeen(_ bad: Float) throws {
        var random = SeededGenerator(seed: 5)
        for place in [0, 63, 64, 99] {
            var payload = vector(100, &random)
            payload[place] = bad
            #expect(try !sums(vector(100, &random), payload, largestPiece: 37, &random).isFinite)
        }
        // Two finite numbers can have a sum that is none.
        let greatest = [Float](repeating: .greatestFiniteMagnitude, count: 3)
        #expect(try !sums(greatest, greatest, largestPiece: 5, &random).isFinite)
    }

    @Test func partsOfFloatsAreRefused() throws {
        let memory = UnsafeMutablePointer<Float>.allocate(capacity: 2)
        defer { memory.deallocate() }
        let receiver = TestReceiver()
        receiver.answer = { _ in .sum(own: memory, into: memory) }
        let (channel, _) = try EmbeddedLink.open(receiver)
        _ = try? channel.writeInbound(ByteBuffer(bytes: FrameHeader(kind: .total, length: 7).bytes))
        #expect(receiver.events.last == .closed(.violation("w1 sent a frame of 7 bytes where floats are due")))
    }
}
