extension JSONValue {
    /// Compact JSON on one line, members in their order. Control characters are escaped, all else stands as UTF-8.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The UTF-8 bytes of `text`.
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return bytes
    }

    /// For people: each member and element on a line of its own, indented by two spaces; ends with a line feed.
    package var indentedText: String {
        var bytes: [UInt8] = []
        write(to: &bytes, depth: 0)
        bytes.append(UInt8(ascii: "\n"))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// - Parameter depth: how far the value is indented; nil for compact JSON.
    private func write(to bytes: inout [UInt8], depth: Int? = nil) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let value): bytes.append(contentsOf: value.text.utf8)
        case .string(let value): JSONValue.write(value, to: &bytes)
        case .array(let elements):
            JSONValue.write(elements, between: ("[", "]"), to: &bytes, depth: depth) { element, bytes, depth in
                element.write(to: &bytes, depth: depth)
            }
        case .object(let object):
            JSONValue.write(object.members, between: ("{", "}"), to: &bytes, depth: depth) { member, bytes, depth in
                JSONValue.write(member.key, to: &bytes)
                bytes.append(contentsOf: (depth == nil ? ":" : ": ").utf8)
                member.value.write(to: &bytes, depth: depth)
            }
        }
    }

    private static func write<Element>(
        _ elements: [Element], between brackets: (String, String), to bytes: inout [UInt8], depth: Int?,
        element write: (Element, inout [UInt8], Int?) -> Void
    ) {
        bytes.append(contentsOf: brackets.0.utf8)
        for (index, element) in elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            if let depth { startLine(&bytes, depth: depth + 1) }
            write(element, &bytes, depth.map { $0 + 1 })
        }
        if let depth, !elements.isEmpty { startLine(&bytes, depth: depth) }
        bytes.append(contentsOf: brackets.1.utf8)
    }

    private static func startLine(_ bytes: inout [UInt8], depth: Int) {
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * depth))
    }

    private static func write(_ text: String, to bytes: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): bytes.append(contentsOf: #"\""#.utf8)
            case UInt8(ascii: "\\"): bytes.append(contentsOf: #"\\"#.utf8)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: #"\n"#.utf8)
            case UInt8(ascii: "\r"): bytes.append(contentsOf: #"\r"#.utf8)
            case UInt8(ascii: "\t"): bytes.append(contentsOf: #"\t"#.utf8)
            case 0..<0x20, 0x7F:
                bytes.append(contentsOf: #"\u00"#.utf8)
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
