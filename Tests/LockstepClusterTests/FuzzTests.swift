import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import Testing

@testable import LockstepCluster

/// What peers send: thousands of damaged messages and headers are taken or refused, and none ends the process.
@Suite struct FuzzTests {
    private static let words = [
        "\"type\"", "\"hello\"", "\"progress\"", "\"start\"", "\"roster\"", "\"reports\"", "null", "-1", "1e400",
        "4294967296", "18446744073709551616", "[[[[[[", "{\"a\":", "\\ud800", "\u{0}",
    ]

    @Test func controlMessages() throws {
        let messages = ControlMessageTests.messages
        try Fuzzer(
            "control message", samples: try messages.map { try ControlMessageCoding.encode($0) },
            dictionary: FuzzTests.words
        ).run(3000, refusing: ControlMessageCoding.Fault.self) { bytes in
            let message = try ControlMessageCoding.decodeMessage(bytes)
            // What a peer said once can be said again.
            guard let again = try? ControlMessageCoding.encode(message) else { return }
            guard try ControlMessageCoding.decodeMessage(again) == message else {
                throw FuzzFlaw("what is written does not read back")
            }
        }
    }

    @Test func feedItems() throws {
        try Fuzzer(
            "feed item", samples: try FeedItemTests.items.map { try ControlMessageCoding.encode($0) },
            dictionary: FuzzTests.words + ["\"item\"", "\"step\"", "\"reports\"", "\"ffffffffffffffff\""]
        ).run(3000, refusing: ControlMessageCoding.Fault.self) { bytes in
            let item = try ControlMessageCoding.decodeItem(bytes)
            guard let again = try? ControlMessageCoding.encode(item) else { return }
            // As bytes: what is no number is not equal to itself.
            guard try ControlMessageCoding.encode(try ControlMessageCoding.decodeItem(again)) == again else {
                throw FuzzFlaw("what is written does not read back")
            }
        }
    }

    @Test func frameHeaders() throws {
        let headers = [
            FrameHeader(kind: .contribution, generation: 3, step: 9, bucket: 1, part: 2, length: 64, offset: 128),
            FrameHeader(kind: .message, length: 12),
            FrameHeader(kind: .share, step: 7, bucket: 2, length: 4, offset: 8),
        ]
        let samples = headers.map { header in
            var bytes = [UInt8](repeating: 0, count: FrameHeader.byteCount)
            bytes.withUnsafeMutableBytes { header.encode(into: $0) }
            return bytes
        }
        try Fuzzer("frame header", samples: samples).run(3000, refusing: FrameError.self) { bytes in
            guard bytes.count >= FrameHeader.byteCount else { return }
            let header = try bytes.withUnsafeBytes { try FrameHeader(decoding: $0) }
            var again = [UInt8](repeating: 0, count: FrameHeader.byteCount)
            again.withUnsafeMutableBytes { header.encode(into: $0) }
            guard again == Array(bytes.prefix(FrameHeader.byteCount)) else {
                throw FuzzFlaw("a header is read as another")
            }
        }
    }
}
