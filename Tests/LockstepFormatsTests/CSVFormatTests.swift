import LockstepFormats
import LockstepTestSupport
import Testing

@Suite struct CSVFormatTests {
    private func rows(_ text: String, options: CSVFormat.Options = CSVFormat.Options()) throws -> [[String]] {
        let table = try CSVFormat.read(Array(text.utf8), options: options)
        return [table.columns] + (0..<table.rowCount).map { table.row($0).map(\.text) }
    }

    @Test func readsWhatTheStandardSays() throws {
        #expect(try rows("a,b\n1,2\n3,4") == [["a", "b"], ["1", "2"], ["3", "4"]])
        #expect(try rows("a,b\r\n\"1\",\"x \"\"y\"\"\"\r\n") == [["a", "b"], ["1", "x \"y\""]])
        #expect(try rows("a,b\n\"two\r\nlines, one\",\"\"\n") == [["a", "b"], ["two\r\nlines, one", ""]])
        #expect(try rows("a,b\n,\n , \n") == [["a", "b"], ["", ""], [" ", " "]])
        #expect(try rows("a\n\"\"\"\"\n\"\"\"\"\"\"\n") == [["a"], ["\""], ["\"\""]])
        #expect(try rows("\u{FEFF}Größe\n日本\n") == [["Größe"], ["日本"]])
    }

    @Test func emptyLinesAreSkippedAndHeadersOptional() throws {
        #expect(try rows("\n\na\n\n1\n\r\n\"\"\n\n") == [["a"], ["1"], [""]])
        #expect(try rows("a,b\n") == [["a", "b"]])
        let bare = CSVFormat.Options(delimiter: UInt8(ascii: ";"), hasHeader: false)
        #expect(try rows("1;2,5\n3;4", options: bare) == [["1", "2"], ["1", "2,5"], ["3", "4"]])
    }

    @Test(arguments: [
        ("", 0, "the CSV file is empty"),
        ("\n\r\n", 0, "the CSV file is empty"),
        ("a,b\n1,2\n\n3\n", 9, "line 4 has 1 fields where the header has 2"),
        ("a,b\n1,\"\n\"\n1,2,3", 10, "line 4 has 3 fields where the header has 2"),
        ("a,b,a\n", 4, "two columns are named “a”"),
        ("a\n\"b", 2, "the quote that opens on line 2 is never closed"),
        ("a\n\"b\nc\"\"", 2, "the quote that opens on line 2 is never closed"),
        ("a\nb\"c\"\n", 3, "a quote stands inside a field without quotes on line 2"),
        ("a\n\"b\"c\n", 5, "something follows the closing quote of a field on line 2"),
        ("a\rb\r", 1, "line 1 has a carriage return without a line feed; save it with LF or CRLF"),
    ])
    func saysWhatIsWrong(text: String, offset: Int, message: String) {
        #expect(throws: FormatError(offset: offset, message)) { try CSVFormat.read(Array(text.utf8)) }
    }

    @Test func latin1IsRefused() {
        #expect(throws: FormatError(offset: 4, "a field on line 2 is not UTF-8 text; save the file as UTF-8")) {
            try CSVFormat.read(Array("a,b\n".utf8) + [0x67, 0xFC, 0x2C, 0x31])
        }
    }

    @Test func limitsHold() throws {
        var options = CSVFormat.Options()
        options.maximumColumns = 3
        options.maximumFieldBytes = 5
        #expect(try rows("a,b,c\n12345,\"67890\",\n", options: options).count == 2)
        #expect(throws: FormatError.self) { try rows("a,b,c,d\n", options: options) }
        #expect(throws: FormatError.self) { try rows("a\n123456\n", options: options) }
        #expect(throws: FormatError.self) { try rows("a\n\"123456\"\n", options: options) }
    }

    @Test func fieldsKnowTheirPlaceAndWhatIsMissing() throws {
        let table = try CSVFormat.read(Array("x,label\n1.5,cat\n NA ,\"\"\n".utf8))
        #expect(table.columnIndex("label") == 1 && table.columnIndex("y") == nil)
        #expect(table.row(1).map(\.offset) == [16, 21])
        #expect(table.offset(ofRow: 1) == 16)
        #expect(table.row(0).map(\.isMissing) == [false, false])
        #expect(table.row(1).map(\.isMissing) == [true, true])
        #expect(table.row(1).map(\.isBlank) == [false, true])
        #expect(table.row(1).map(\.isQuoted) == [false, true])
        #expect(table.row(0)[0].float == 1.5 && table.row(0)[1].float == nil && table.row(1)[0].double == nil)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func whatIsWrittenReadsBack(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let pieces = ["", "a", "\"", ",", "\n", "\r\n", "\r", " ", "é", "日", "\u{FEFF}", "0"]
        for _ in 0..<100 {
            let width = Int.random(in: 1...3, using: &random)
            let rows = (0..<Int.random(in: 1...4, using: &random)).map { row in
                (0..<width).map { column in
                    let count = Int.random(in: 0...4, using: &random)
                    let text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
                    return row == 0 ? text + String(column) : text
                }
            }
            #expect(try self.rows(String(decoding: CSVFormat.encoded(rows), as: UTF8.self)) == rows, "seed \(seed)")
        }
    }
}
