internal import LockstepCore

extension JSONValue {
    /// How much of foreign JSON is taken.
    package struct Limits: Sendable {
        /// How deep arrays and objects may lie in each other.
        package var depth = 64
        /// How many values there may be in all, and so how much memory they take.
        package var values = 1_000_000

        package init(depth: Int = 64, values: Int = 1_000_000) {
            self.depth = min(depth, 256)
            self.values = values
        }
    }

    /// Reads one JSON text (RFC 8259), strictly: UTF-8, no comments, no trailing commas, no key twice in an object.
    package init(parsing bytes: [UInt8], limits: Limits = Limits()) throws(FormatError) {
        self = try JSONValue(parsing: bytes[...], limits: limits)
    }

    /// The same for a part of a file; offsets in errors count from the start of the part.
    package init(parsing bytes: ArraySlice<UInt8>, limits: Limits = Limits()) throws(FormatError) {
        var parser = JSONParser(bytes, limits: limits)
        self = try parser.parse()
    }
}

/// A recursive-descent parser over bytes; its depth is bounded by the limits.
struct JSONParser {
    private let bytes: ArraySlice<UInt8>
    private let limits: JSONValue.Limits
    private var position: Int
    private var values = 0

    init(_ bytes: ArraySlice<UInt8>, limits: JSONValue.Limits) {
        self.bytes = bytes
        self.limits = limits
        position = bytes.startIndex
    }

    mutating func parse() throws(FormatError) -> JSONValue {
        let value = try value(depth: 0)
        skipSpace()
        guard position == bytes.endIndex else { throw error("something follows the JSON value") }
        return value
    }

    private func error(_ message: String, at offset: Int? = nil) -> FormatError {
        FormatError(offset: (offset ?? position) - bytes.startIndex, message)
    }

    private var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    /// Whether the next byte is `character`, which is then taken.
    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(FormatError) {
        guard skip(character) else {
            throw error(next == nil ? "the JSON text ends early" : "“\(character)” is missing in the JSON text")
        }
    }

    private mutating func value(depth: Int) throws(FormatError) -> JSONValue {
        values += 1
        guard values <= limits.values else { throw error("the JSON text has more than \(limits.values) values") }
        skipSpace()
        switch next {
        case nil: throw error("the JSON text ends early")
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(FormatError) -> JSONValue {
        guard bytes[position...].starts(with: word.utf8) else { throw error("the JSON text has an unknown word") }
        position += word.utf8.count
        return value
    }

    private mutating func open(depth: Int) throws(FormatError) {
        guard depth <= limits.depth else { throw error("the JSON text is nested deeper than \(limits.depth)") }
        position += 1
        skipSpace()
    }

    private mutating func array(depth: Int) throws(FormatError) -> JSONValue {
        try open(depth: depth)
        var elements: [JSONValue] = []
        if skip("]") { return .array(elements) }
        while true {
            elements.append(try value(depth: depth))
            skipSpace()
            if skip("]") { return .array(elements) }
            try expect(",")
        }
    }

    private mutating func object(depth: Int) throws(FormatError) -> JSONValue {
        try open(depth: depth)
        var members: [JSONObject.Member] = []
        var keys: Set<String> = []
        if skip("}") { return .object(JSONObject(distinct: members)) }
        while true {
            skipSpace()
            let start = position
            guard next == UInt8(ascii: "\"") else {
                throw error(next == nil ? "the JSON text ends early" : "a key is missing in the JSON text")
            }
            let key = try string()
            guard keys.insert(key).inserted else {
                throw error("the key “\(key.escapedForDisplay(limit: 60))” stands twice in one JSON object", at: start)
            }
            skipSpace()
            try expect(":")
            members.append(JSONObject.Member(key: key, value: try value(depth: depth)))
            skipSpace()
            if skip("}") { return .object(JSONObject(distinct: members)) }
            try expect(",")
        }
    }

    private mutating func digits() throws(FormatError) {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        guard position > start else {
            throw error(next == nil ? "the JSON text ends early" : "the JSON text has something that is no value")
        }
    }

    private mutating func number() throws(FormatError) -> JSONValue {
        let start = position
        _ = skip("-")
        let first = position
        try digits()
        guard position == first + 1 || bytes[first] != UInt8(ascii: "0") else {
            throw error("a number in the JSON text begins with a needless zero", at: first)
        }
        if skip(".") { try digits() }
        if skip("e") || skip("E") {
            if !skip("+") { _ = skip("-") }
            try digits()
        }
        return .number(JSONNumber(validText: String(decoding: bytes[start..<position], as: UTF8.self)))
    }

    private mutating func string() throws(FormatError) -> String {
        let start = position
        position += 1
        var text: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw error("a string in the JSON text is not UTF-8", at: start)
                }
                return string
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw error("a string in the JSON text has a bare control character", at: position - 1)
            default: text.append(byte)
            }
        }
        throw error("the JSON text ends early")
    }

    private mutating func escape(into text: inout [UInt8]) throws(FormatError) {
        let start = position - 1
        guard let byte = next else { throw error("the JSON text ends early") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if (0xD800..<0xDC00).contains(code) {
                guard skip("\\"), skip("u") else { throw error("half a character is missing", at: start) }
                let low = try hexadecimal()
                guard (0xDC00..<0xE000).contains(low) else { throw error("half a character is missing", at: start) }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw error("half a character is missing", at: start) }
            text.append(contentsOf: Character(scalar).utf8)
        default: throw error("a string in the JSON text has an unknown escape", at: start)
        }
    }

    private mutating func hexadecimal() throws(FormatError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next else { throw error("the JSON text ends early") }
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw error("a string in the JSON text has an unknown escape")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
