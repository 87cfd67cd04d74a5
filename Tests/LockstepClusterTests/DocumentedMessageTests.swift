import Foundation
import LockstepCluster
import Testing

/// The examples in `docs/protocol.md` are messages, and every message has one.
@Suite struct DocumentedMessageTests {
    private static let document = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../docs/protocol.md")

    @Test func everyExampleIsAMessage() throws {
        let text = try String(contentsOf: DocumentedMessageTests.document, encoding: .utf8)
        let lines = text.split(separator: "\n").filter { $0.hasPrefix("{\"") && $0.contains("\"type\":\"") }
        var types: Set<String> = []
        for line in lines where !line.contains("\"type\":\"greeting\"") {
            let message = try ControlMessageCoding.decodeMessage(Array(line.utf8))
            types.insert(message.type)
            // Nothing in an example is made up: what this program writes has the same keys.
            let written = String(decoding: try ControlMessageCoding.encode(message), as: UTF8.self)
            #expect(keys(String(line)) == keys(written), "\(message.type)")
        }
        #expect(types == Set(ControlMessageTests.messages.map(\.type)))
    }

    @Test func everyExampleOfAFeedIsAnItem() throws {
        let text = try String(contentsOf: DocumentedMessageTests.document, encoding: .utf8)
        let lines = text.split(separator: "\n").filter { $0.hasPrefix("{\"") && $0.contains("\"item\":\"") }
        for line in lines {
            let item = try ControlMessageCoding.decodeItem(Array(line.utf8))
            #expect(String(decoding: try ControlMessageCoding.encode(item), as: UTF8.self) == line)
        }
        func kinds(_ texts: [String]) -> Set<Substring> {
            Set(texts.flatMap { $0.matches(of: #/"item":"(\w+)"/#).map(\.1) })
        }
        let items = try FeedItemTests.items.map {
            String(decoding: try ControlMessageCoding.encode($0), as: UTF8.self)
        }
        #expect(kinds(lines.map(String.init)) == kinds(items))
    }

    private func keys(_ text: String) -> [Substring] { text.matches(of: #/"(\w+)":/#).map(\.1) }
}
