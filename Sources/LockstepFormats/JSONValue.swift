/// A JSON value. Objects keep the order of their keys, numbers their text.
package enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    package var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
    package var double: Double? { if case .number(let value) = self { value.double } else { nil } }
    package var int: Int? { if case .number(let value) = self { value.int } else { nil } }

    /// The member of that name, where this is an object that has one.
    package subscript(key: String) -> JSONValue? { object?[key] }

    /// The shortest text that reads back as this number; null where it is not finite, for JSON has no such numbers.
    package static func number(_ value: Double) -> JSONValue { value.isFinite ? .number(JSONNumber(value)) : .null }

    /// The shortest text that reads back as this `Float`; null where it is not finite.
    package static func number(_ value: Float) -> JSONValue { value.isFinite ? .number(JSONNumber(value)) : .null }

    package static func number(_ value: some FixedWidthInteger) -> JSONValue { .number(JSONNumber(value)) }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .number(value) }
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(JSONObject(elements)) }
}
