import LockstepCollectives
import LockstepTestSupport
import Testing

@Suite struct FrameHeaderTests {
    private let header = FrameHeader(
        kind: .contribution, generation: 0x0102_0304, step: 0x0506_0708, phase: 1, bucket: 0x0A0B, part: 0x0C0D,
        acknowledged: 0x0E0F, length: 0x1112_1314, offset: 0x2122_2324_2526_2728)

    @Test func theBytesAreTheDocumentedOnes() {
        #expect(
            header.bytes == [
                0x4C, 0x53, 1, 3, 4, 3, 2, 1, 8, 7, 6, 5, 1, 0, 0x0B, 0x0A, 0x0D, 0x0C, 0x0F, 0x0E, 0x14, 0x13, 0x12,
                0x11,
                0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21,
            ])
    }

    @Test func aHeaderSurvivesTheWay() throws {
        for kind in FrameKind.allCases {
            var header = header
            header.kind = kind
            #expect(try FrameHeader(decoding: header.bytes) == header)
            #expect(try FrameHeader(decoding: header.bytes + [1, 2, 3]) == header)
        }
    }

    @Test func otherBytesAreNoHeader() {
        func error(_ place: Int, _ value: UInt8) -> FrameError? {
            var bytes = header.bytes
            bytes[place] = value
            do throws(FrameError) {
                _ = try FrameHeader(decoding: bytes)
                return nil
            } catch { return error }
        }
        #expect(error(0, 0) == .wrongMagic(0x5300))
        #expect(error(2, 2) == .unsupportedVersion(2))
        #expect(error(3, 0) == .unknownKind(0))
        #expect(error(3, 16) == .unknownKind(16))
        #expect(error(13, 1) == .reservedNotZero)
        #expect(error(4, 9) == nil)
        #expect(throws: FrameError.truncated(count: 31)) { try FrameHeader(decoding: Array(header.bytes.dropLast())) }
    }

    @Test func randomBytesNeverTrap() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<2000 {
            var bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { bytes.replaceSubrange(0..<min(3, bytes.count), with: [0x4C, 0x53, 1]) }
            guard let header = try? FrameHeader(decoding: bytes) else { continue }
            #expect(header.bytes == Array(bytes.prefix(32)))
        }
    }
}
