import LockstepCollectives
import LockstepTestSupport
import LockstepWire
import NIOCore
import Testing

/// The frame decoder under streams that are cut, mixed and damaged in every way a seed gives.
struct ControlFrameDecoderTests {
    private static let largest = 300

    private func decode(
        _ pieces: [[UInt8]], largest: Int = largest
    ) throws -> [ControlFrame] {
        var frames: [ControlFrame] = []
        let processor = NIOSingleStepByteToMessageProcessor(
            ControlFrameDecoder(largestPayload: largest), maximumBufferSize: FrameHeader.byteCount + largest
        )
        for piece in pieces { try processor.process(buffer: ByteBuffer(bytes: piece)) { frames.append($0) } }
        try processor.finishProcessing(seenEOF: true) { frames.append($0) }
        return frames
    }

    private func randomFrame(_ random: inout SeededGenerator) -> ControlFrame {
        let header = FrameHeader(
            kind: FrameKind.allCases.randomElement(using: &random) ?? .message,
            generation: .random(in: 0 ... .max, using: &random), step: .random(in: 0 ... .max, using: &random),
            phase: .random(in: 0 ... .max, using: &random), bucket: .random(in: 0 ... .max, using: &random),
            part: .random(in: 0 ... .max, using: &random), length: 0, offset: .random(in: 0 ... .max, using: &random)
        )
        let payload = random.bytes(Int.random(in: 0...ControlFrameDecoderTests.largest, using: &random))
        return ControlFrame(header: header, payload: ByteBuffer(bytes: payload))
    }

    private func bytes(of frame: ControlFrame) -> [UInt8] {
        frame.header.bytes + Array(frame.payload.readableBytesView)
    }

    private func cut(_ stream: [UInt8], _ random: inout SeededGenerator) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var rest = stream[...]
        while !rest.isEmpty {
            let count = Int.random(in: 1...min(rest.count, 80), using: &random)
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }

    @Test func framesComeOutAsTheyWentIn() throws {
        for seed in 1...20 as ClosedRange<UInt64> { try expectFrames(seed) }
    }

    private func expectFrames(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let frames = (0..<20).map { _ in randomFrame(&random) }
        let stream = frames.flatMap(bytes(of:))
        #expect(try decode([stream]) == frames, "seed \(seed)")
        #expect(try decode(stream.map { [$0] }) == frames, "seed \(seed)")
        #expect(try decode(cut(stream, &random)) == frames, "seed \(seed)")
    }

    /// Any damage gives frames or a `LinkError`, never a trap; what comes out fits the limit.
    @Test func damage() throws {
        for seed in 1...400 as ClosedRange<UInt64> { try expectNoTrap(seed) }
    }

    private func expectNoTrap(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var stream = (0..<5).map { _ in randomFrame(&random) }.flatMap(bytes(of:))
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let position = Int.random(in: stream.indices, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: stream[position] ^= UInt8.random(in: 1...255, using: &random)
            case 1: stream.remove(at: position)
            case 2: stream.insert(UInt8.random(in: 0...255, using: &random), at: position)
            default: stream.removeSubrange(position...)
            }
            if stream.isEmpty { stream = [0] }
        }
        do {
            for frame in try decode(cut(stream, &random)) {
                #expect(frame.payload.readableBytes <= ControlFrameDecoderTests.largest, "seed \(seed)")
                #expect(Int(frame.header.length) == frame.payload.readableBytes, "seed \(seed)")
            }
        } catch {
            #expect(error is LinkError, "seed \(seed): \(error)")
        }
    }

    @Test(arguments: [301, 1 << 24, UInt32.max] as [UInt32])
    func tooLong(_ length: UInt32) {
        let header = FrameHeader(kind: .message, length: length).bytes
        // The header alone is enough: nothing of the payload is waited for.
        let error = #expect(throws: LinkError.self) { try decode([header]) }
        #expect(error?.reason.contains("came where 300 are allowed") == true)
    }

    @Test func cutShort() {
        let stream = FrameHeader(kind: .message, length: 5).bytes + [1, 2, 3, 4]
        for count in 1...stream.count {
            #expect(throws: LinkError.self) { try decode([Array(stream.prefix(count))]) }
        }
    }
}
