internal import LockstepCore

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Messages as JSON bytes. The only place of this module that knows JSON.
package enum ControlMessageCoding {
    /// Why bytes are no message.
    package struct Fault: Error, Sendable, Equatable, CustomStringConvertible {
        package let description: String
    }

    package static func encode(_ message: ControlMessage) throws(Fault) -> [UInt8] { try encoded(message) }

    package static func encode(_ greeting: LinkGreeting) throws(Fault) -> [UInt8] { try encoded(greeting) }

    package static func encode(_ record: JournalRecord) throws(Fault) -> [UInt8] { try encoded(record) }

    package static func decodeRecord(_ bytes: [UInt8]) throws(Fault) -> JournalRecord {
        try decoded(JournalRecord.self, bytes)
    }

    package static func decodeMessage(_ bytes: [UInt8]) throws(Fault) -> ControlMessage {
        try decoded(ControlMessage.self, bytes)
    }

    package static func decodeGreeting(_ bytes: [UInt8]) throws(Fault) -> LinkGreeting {
        try decoded(LinkGreeting.self, bytes)
    }

    package static func encode(_ item: FeedItem) throws(Fault) -> [UInt8] { try encoded(item) }

    package static func decodeItem(_ bytes: [UInt8]) throws(Fault) -> FeedItem { try decoded(FeedItem.self, bytes) }

    private static func encoded(_ value: some Encodable) throws(Fault) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // A metric may be infinite or no number; JSON has no words for these.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        do { return Array(try encoder.encode(value)) } catch {
            throw Fault(description: "the message cannot be encoded: \("\(error)".escapedForDisplay())")
        }
    }

    private static func decoded<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws(Fault) -> Value {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        do { return try decoder.decode(type, from: Data(bytes)) } catch {
            throw Fault(description: "not a message that this program knows: \("\(error)".escapedForDisplay())")
        }
    }
}
