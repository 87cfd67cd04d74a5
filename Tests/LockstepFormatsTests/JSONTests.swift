import LockstepFormats
import LockstepTestSupport
import Testing

@Suite struct JSONTests {
    private func parse(_ text: String, _ limits: JSONValue.Limits = .init()) throws(FormatError) -> JSONValue {
        try JSONValue(parsing: Array(text.utf8), limits: limits)
    }

    @Test func writesCompactlyInOrder() {
        let value: JSONValue = [
            "zebra": 1, "apple": [true, .null, "a\"\\\n\u{1}ü🙂"], "loss": .number(0.1), "rate": .number(Float(0.1)),
            "bad": .number(Double.nan), "big": .number(UInt64.max), "empty": [:], "none": [],
        ]
        #expect(
            value.text
                == #"{"zebra":1,"apple":[true,null,"a\"\\\n\u0001ü🙂"],"loss":0.1,"rate":0.1,"bad":null,"big":18446744073709551615,"empty":{},"none":[]}"#
        )
    }

    @Test func indentedTextReadsBack() throws {
        let value: JSONValue = ["a": [1, 2, ["b": [:], "c": []]], "d": "e"]
        #expect(
            value.indentedText
                == "{\n  \"a\": [\n    1,\n    2,\n    {\n      \"b\": {},\n      \"c\": []\n    }\n  ],\n  \"d\": \"e\"\n}\n"
        )
        #expect(try parse(value.indentedText) == value)
    }

    @Test(arguments: [21, 22] as [UInt64])
    func numbersRoundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let double = Double(bitPattern: random.next())
            let float = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
            if double.isFinite { #expect(try parse(JSONValue.number(double).text).double == double) }
            if float.isFinite { #expect(try parse(JSONValue.number(float).text).double.map { Float($0) } == float) }
        }
        for double in [0, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1e16, 1e-5, 123456789] {
            let back = try parse(JSONValue.number(double).text).double
            #expect(back?.bitPattern == double.bitPattern)
        }
    }

    @Test func readsAllKindsOfValue() throws {
        let text = " {\"a\" : [ 1 , -2.5e+3,0, true,false,null ],\"\\u00fc\\ud83d\\ude42\\/\":\"\\b\\f\"}\r\n"
        let value = try parse(text)
        #expect(value["a"]?.array?.count == 6)
        #expect(value["a"]?.array?[1].double == -2500)
        #expect(value["a"]?.array?[1].int == nil)
        #expect(value["ü🙂/"]?.string == "\u{8}\u{C}")
        #expect(value.object?.members.map(\.key) == ["a", "ü🙂/"])
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "{\"a\" 1}", "[1 2]", "01", "-", "+1", "1.", ".5", "1e", "0x1",
        "NaN",
        "Infinity", "tru", "\"", "\"\\", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"",
        "\"\\x\"", "\"\u{1}\"", "1 1", "{\"a\":1,\"a\":2}", "//\n1", "'a'", "\u{FEFF}1", "[1]]",
    ])
    func refuses(text: String) {
        #expect(throws: FormatError.self) { try parse(text) }
    }

    @Test func refusesBytesThatAreNotUTF8() {
        for bytes in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xC3]] as [[UInt8]] {
            #expect(throws: FormatError.self) { try JSONValue(parsing: [0x22] + bytes + [0x22]) }
        }
    }

    @Test func depthAndNumberOfValuesAreBounded() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try parse(nested(64))
        #expect(throws: FormatError(offset: 64, "the JSON text is nested deeper than 64")) { try parse(nested(65)) }
        #expect(throws: FormatError.self) { try parse(String(repeating: "[", count: 1_000_000)) }
        _ = try parse("[1,2,3]", .init(values: 4))
        #expect(throws: FormatError.self) { try parse("[1,2,3]", .init(values: 3)) }
    }

    @Test func errorsSayWhere() {
        #expect(throws: FormatError(offset: 9, "“,” is missing in the JSON text")) { try parse("{\"a\":[1  2]}") }
        let twice = #"{"a\u001b":1,"a\u001b":2}"#
        #expect(throws: FormatError(offset: 13, #"the key “a\u{1b}” stands twice in one JSON object"#)) {
            try parse(twice)
        }
    }

    @Test(arguments: [31, 32] as [UInt64])
    func damagedTextNeverTraps(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let text = Array(#"{"a":[1,-2.5e3,true,null,"ü\u00e9\n"],"b":{"c":{}}}"#.utf8)
        for count in text.indices {
            #expect(throws: FormatError.self) { try JSONValue(parsing: Array(text.prefix(count))) }
        }
        for _ in 0..<1000 {
            var bytes = text
            for _ in 0..<2 {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8(truncatingIfNeeded: random.next())
            }
            guard let value = try? JSONValue(parsing: bytes) else { continue }
            #expect((try? JSONValue(parsing: value.bytes)) == value)
        }
    }
}
