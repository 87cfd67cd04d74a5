import LockstepFormats
import LockstepTestSupport
import Testing

@Suite struct TextFormatTests {
    private func words(_ text: String) -> [String] {
        WordScanner(Array(text.utf8)[...]).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func wordsAreRunsOfLetters() {
        #expect(words("It wasn't BAD, 'really'. 3x!") == ["it", "wasn't", "bad", "really", "3x"])
        #expect(words("L'Été—ein Maß_Bier") == ["l'Été—ein", "maß", "bier"])
        #expect(
            words("") == [] && words(" .,'") == [] && words("a") == ["a"]
                && words("rock''n'roll'") == ["rock", "n'roll"])
    }

    @Test func linesEndWithEitherEnding() {
        func lines(_ text: String) -> [String] {
            PlainText.lines(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(lines("a\r\nb\n\nc") == ["a", "b", "", "c"] && lines("a\n") == ["a"])
        #expect(lines("") == [] && lines("\n") == [""] && lines("a\rb\r") == ["a\rb\r"])
    }

    /// The standard library judges the same, for every sequence of two bytes between letters and many longer ones.
    @Test func textIsUTF8WithoutZeros() {
        var sequences: [[UInt8]] = []
        for first in UInt8(0)...255 { for second in UInt8(0)...255 { sequences.append([65, first, second, 66]) } }
        for first in UInt8(0xE0)...0xF7 {
            for second in stride(from: UInt8(0x7E), to: 0xC3, by: 1) {
                for third in [0x7F, 0x80, 0xBF, 0xC0] as [UInt8] {
                    sequences.append([first, second, third])
                    sequences.append([first, second, third, third])
                    sequences.append([first, second, 0x80, third, 65])
                }
            }
        }
        for bytes in sequences {
            let expected = String(validating: bytes, as: UTF8.self) != nil && !bytes.contains(0)
            #expect(PlainText.isText(bytes) == expected, "\(bytes)")
        }
        #expect(throws: FormatError(offset: 2, "a zero byte, which no text has")) { try PlainText.check([65, 66, 0]) }
        #expect(throws: FormatError(offset: 1, "bytes that are not UTF-8")) { try PlainText.check([65, 0xFF]) }
        // The canary: what is text is not refused.
        #expect(PlainText.isText(Array("Grüße, 日本語 🙂".utf8)))
    }

    @Test func tokensAreRowsOfWholeNumbers() throws {
        func read(_ name: String, _ type: TensorType) throws -> ([Int?], Int) {
            let bytes = try TextFormatTests.file(name)
            let (tokens, greatest) = try TokenFormat.read(bytes, type: type)
            return ((0..<tokens.count).map { tokens.int(at: $0) }, greatest)
        }
        #expect(try read("u16.bin", .uint16) == ([0, 1, 50256, 7, 2, 300], 50256))
        #expect(try read("u32.bin", .uint32) == ([0, 1, 16_777_215, 5], 16_777_215))
        // An npy file says itself what it holds.
        #expect(try read("i8.npy", .uint8) == ([4, 0, 9], 9))
        let matrix = try TensorView(name: "", type: .uint8, shape: [2, 2], bytes: [1, 2, 3, 4])
        #expect(try TokenFormat.read(NPYFormat.encoded(matrix), type: .uint16).tokens.shape == [4])
        #expect(try TokenFormat.read([], type: .uint16).greatest == -1)
    }

    @Test func flawsOfTokensAreNamed() throws {
        func message(_ bytes: [UInt8], _ type: TensorType = .uint16) -> String {
            let error = #expect(throws: FormatError.self) { try TokenFormat.read(bytes, type: type) }
            return error.map { "\($0)" } ?? ""
        }
        #expect(message([1, 2, 3]) == "3 bytes are no whole number of tokens of 2 bytes (at byte 2)")
        #expect(message([5, 0, 0, 0, 0, 0, 0, 1], .uint32) == "token 1 is not from 0 to 16777215 (at byte 4)")
        let floats = TensorView(name: "", shape: [2], floats: [1, 2])
        #expect(message(try NPYFormat.encoded(floats)).contains("an array of type F32 has no tokens"))
        let negative = try TensorView(name: "", type: .int8, shape: [2], bytes: [1, 0xFF])
        #expect(message(try NPYFormat.encoded(negative)) == "token 1 is not from 0 to 16777215 (at byte 129)")
    }

    private static func file(_ name: String) throws -> [UInt8] {
        let file = try Fuzzer.files(of: "tokens").first { $0.name == name }
        return try #require(file).bytes
    }
}
