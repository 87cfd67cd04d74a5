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
            "message", samples: try messages.map { try ControlMessageCoding.encode($0) },
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
            "item", samples: try FeedItemTests.items.map { try ControlMessageCoding.encode($0) },
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

    @Test func linkGreetings() throws {
        try Fuzzer("greeting", dictionary: FuzzTests.words + ["\"isFeed\"", "\"isProbe\"", "true"])
            .run(refusing: ControlMessageCoding.Fault.self) { bytes in
                let greeting = try ControlMessageCoding.decodeGreeting(bytes)
                let again = try ControlMessageCoding.encode(greeting)
                guard try ControlMessageCoding.decodeGreeting(again) == greeting else {
                    throw FuzzFlaw("what is written does not read back")
                }
            }
    }

    @Test func journalRecords() throws {
        try Fuzzer("journal", dictionary: FuzzTests.words + ["\"kind\"", "\"generation\"", "\"snapshot\""])
            .run(refusing: ControlMessageCoding.Fault.self) { bytes in
                let record = try ControlMessageCoding.decodeRecord(bytes)
                let again = try ControlMessageCoding.encode(record)
                guard try ControlMessageCoding.decodeRecord(again) == record else {
                    throw FuzzFlaw("what is written does not read back")
                }
                _ = JournalRecord.replay([record, record])
            }
    }

    /// What is in the corpus is what this version writes: each kind of message, item and record is there.
    @Test func theCorpusIsOfThisVersion() throws {
        func kinds(_ name: String, _ encoded: ([UInt8]) throws -> (kind: String, bytes: [UInt8])) throws -> Set<String>
        {
            try Set(
                Fuzzer.files(of: name).map { file in
                    let (kind, bytes) = try encoded(file.bytes)
                    #expect(bytes == file.bytes, "\(name)/\(file.name)")
                    return kind
                })
        }
        let messages = try kinds("message") { bytes in
            let message = try ControlMessageCoding.decodeMessage(bytes)
            return (message.type, try ControlMessageCoding.encode(message))
        }
        #expect(messages == Set(ControlMessageTests.messages.map(\.type)))
        let items = try kinds("item") { bytes in
            let item = try ControlMessageCoding.decodeItem(bytes)
            return (FuzzTests.kind(of: item.content), try ControlMessageCoding.encode(item))
        }
        #expect(items == Set(FeedItemTests.items.map { FuzzTests.kind(of: $0.content) }))
        let records = try kinds("journal") { bytes in
            let record = try ControlMessageCoding.decodeRecord(bytes)
            return (FuzzTests.kind(of: record), try ControlMessageCoding.encode(record))
        }
        #expect(records == ["incarnation", "generation", "roster", "probe", "snapshot", "verdict", "final"])
        let greetings = try kinds("greeting") { bytes in
            let greeting = try ControlMessageCoding.decodeGreeting(bytes)
            let kind = "\(greeting.isFeed ? "feed" : greeting.isProbe ? "probe" : "link")"
            return (kind, try ControlMessageCoding.encode(greeting))
        }
        #expect(greetings == ["link", "probe", "feed"])
    }

    private static func kind(of value: some Any) -> String { String("\(value)".prefix { $0.isLetter }) }

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
        try Fuzzer("header", samples: samples).run(3000, refusing: FrameError.self) { bytes in
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
