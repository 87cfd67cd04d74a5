import LockstepCore
import LockstepData
import LockstepFormats
import Testing

@Suite struct SequenceTests {
    private func file(_ text: String, _ name: String = "t.txt") -> DataFile {
        DataFile(name: name, bytes: Array(text.utf8))
    }

    private func text(_ reader: any SampleReader, _ sample: Int) -> (String, String) {
        let (input, target) = reader.sample(sample)
        func shown(_ tokens: [Float]) -> String { String(decoding: tokens.map { UInt8($0) }, as: UTF8.self) }
        return (shown(input), shown(target))
    }

    @Test func windowsOverAText() throws {
        let reader = try Bytes(paths: ["t.txt"], context: 3).open(files: [file("abcdefghi")])
        #expect(reader.inputShape == [3] && reader.target == .classSequence(classes: 256, length: 3))
        #expect(reader.tokenCount == 256 && reader.count == 2 && reader.preprocessing.tokens == .bytes)
        #expect(text(reader, 0) == ("abc", "bcd") && text(reader, 1) == ("def", "efg"))
        // One byte more completes the third.
        #expect(try Bytes(paths: ["t.txt"], context: 3).open(files: [file("abcdefghij")]).count == 3)
        let overlapping = try Bytes(paths: ["t.txt"], context: 3, stride: 1).open(files: [file("abcdefghi")])
        #expect(overlapping.count == 6 && text(overlapping, 5) == ("fgh", "ghi"))
        let single = try Bytes(paths: ["t.txt"], context: 1).open(files: [file("ab")])
        #expect(single.count == 1 && text(single, 0) == ("a", "b"))
    }

    @Test func partsOfATextAreDisjoint() throws {
        let whole = file("abcdefghij")
        let train = try Bytes(paths: ["t.txt"], context: 2, stride: 1, to: 0.6).open(files: [whole])
        // Test data has the training's context.
        let test = try Bytes(paths: ["t.txt"], context: nil, stride: 1, from: 0.6).open(
            files: [whole], preprocessing: train.preprocessing)
        #expect((0..<train.count).map { text(train, $0).1 } == ["bc", "cd", "de", "ef"])
        #expect((0..<test.count).map { text(test, $0).1 } == ["hi", "ij"])
        #expect(train.contentDigest != test.contentDigest)
        // The same numbers from elsewhere are the same data.
        let cut = try Bytes(paths: ["x"], context: 2, stride: 1).open(files: [file("ghij")])
        #expect(cut.contentDigest == test.contentDigest)
    }

    @Test func directoriesAreJoinedInOrder() throws {
        let tree = DataFile(
            name: "src/",
            entries: [
                file("B", "b.swift"), file("A", "a/x/z.swift"), file("-", "a.md"),
                DataFile(name: "c.bin", bytes: [0xFF, 0xFE]),
                DataFile(name: "zero", bytes: [65, 0]),
                // gzip of "Z", as zlib writes it.
                DataFile(
                    name: "z.swift",
                    bytes: [31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 139, 2, 0, 103, 87, 188, 89, 1, 0, 0, 0]),
            ])
        func joined(_ source: Bytes, _ files: [DataFile]) throws -> String {
            let reader = try source.open(files: files)
            return (0..<reader.count).map { text(reader, $0).0 }.joined() + text(reader, reader.count - 1).1
        }
        #expect(try joined(Bytes(paths: ["src/", "t"], context: 1), [tree, file("!")]) == "-ABZ!")
        #expect(try joined(Bytes(paths: ["t", "src/"], context: 1), [file("!"), tree]) == "!-ABZ")
        #expect(try joined(Bytes(paths: ["src/"], context: 1, suffixes: [".swift"]), [tree]) == "ABZ")
        let both = Bytes(paths: ["src/"], context: 1, suffixes: [".md", ".bin"])
        #expect(try both.open(files: [tree]).sample(1).target == [0xFE])
        #expect(Bytes(paths: ["a/b/", "c"], context: 1).paths == [.directory("a/b/"), .file("c")])

        let none = #expect(throws: CommandError.self) {
            try Bytes(paths: ["src/"], context: 1, suffixes: [".c\n"]).open(files: [tree])
        }
        #expect(none?.message == "“src/”: none of its 6 files ends in .c\\u{a}; name other suffixes")
        let noText = DataFile(name: "x/", entries: [DataFile(name: "b", bytes: [0xFF])])
        #expect(throws: CommandError.self) { try Bytes(paths: ["x/"], context: 1).open(files: [noText]) }
        #expect(throws: CommandError.self) { try Bytes(paths: ["src"], context: 1).open(files: [tree]) }
    }

    @Test func filesOfTokens() throws {
        func open(_ source: Tokens, _ bytes: [UInt8]) throws -> any SampleReader {
            try source.open(files: [DataFile(name: "t.bin", bytes: bytes)])
        }
        let u16: [UInt8] = [1, 0, 0, 1, 5, 0, 3, 0, 2, 0]
        let reader = try open(Tokens(path: "t.bin", context: 2), u16)
        #expect(
            reader.count == 2 && reader.sample(0) == ([1, 256], [256, 5]) && reader.sample(1) == ([5, 3], [3, 2]))
        #expect(reader.target == .classSequence(classes: 257, length: 2) && reader.tokenCount == 257)
        #expect(reader.preprocessing.tokens == .numbers)
        #expect(try open(Tokens(path: "t.bin", context: 2, vocabulary: 999), u16).tokenCount == 999)
        // How the numbers are stored does not matter.
        let array = try NPYFormat.encoded(
            ArrayTests.tensor(
                .int32, [5], [1, 0, 0, 0, 0, 1, 0, 0, 5, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0]))
        #expect(try open(Tokens(path: "t.bin", context: 2), array).contentDigest == reader.contentDigest)
        #expect(
            try open(Tokens(path: "t.bin", context: 2, from: 0.2), u16).contentDigest != reader.contentDigest)

        func message(_ source: Tokens, _ bytes: [UInt8]) -> String {
            let error = #expect(throws: CommandError.self) { try open(source, bytes) }
            #expect(error?.exitCode == .usage && error?.message.contains("\n") == false)
            return error?.message ?? ""
        }
        #expect(
            message(Tokens(path: "t.bin", context: 2, vocabulary: 256), u16)
                == "“t.bin”: token 256 in it is beyond the vocabulary of 256; give vocabulary at least 257")
        #expect(message(Tokens(path: "t.bin", type: .u32, context: 2), u16).contains("no whole number of tokens"))
        #expect(
            message(Tokens(path: "t.bin", context: 5), u16)
                == "“t.bin”: its part from 0.0 to 1.0 has 5 tokens, but a context of 5 needs 6; give a longer text or a smaller context"
        )
        #expect(message(Tokens(path: "t.bin", context: 2), []).contains("has 0 tokens"))
    }

    @Test func impossibleSettingsAreNamed() {
        func message(_ source: Bytes) -> String {
            let error = #expect(throws: CommandError.self) { try source.open(files: [file("abcdef")]) }
            #expect(error?.message.contains("\n") == false)
            return error?.message ?? ""
        }
        #expect(
            message(Bytes(paths: ["t.txt"], context: nil))
                == "bytes: how many bytes an input has is missing; add context: 64")
        #expect(message(Bytes(paths: ["t.txt"], context: 0)).contains("a context of 0"))
        #expect(message(Bytes(paths: ["t.txt"], context: 2, stride: 0)).contains("a stride of 0"))
        for (from, to) in [(0.5, 0.5), (-0.1, 1), (0, 1.1), (.nan, 1), (0, .nan)] {
            #expect(message(Bytes(paths: ["t.txt"], context: 2, from: from, to: to)).contains("impossible"))
        }
        #expect(
            message(Bytes(paths: ["t.txt"], context: 2, from: 0.9)).contains("has 1 bytes, but a context of 2 needs 3"))
        #expect(throws: CommandError.self) { try Bytes(paths: [], context: 2).open(files: []) }
    }

    @Test func settingsAreDescribed() {
        let sources: [any DataSource] = [
            Bytes(paths: ["t"], context: 2), Bytes(paths: ["t"], context: 3), Bytes(paths: ["t"], context: nil),
            Bytes(paths: ["t"], context: 2, stride: 2), Bytes(paths: ["t"], context: 2, suffixes: [".a"]),
            Bytes(paths: ["t"], context: 2, from: 0.1), Bytes(paths: ["t"], context: 2, to: 0.9),
            Tokens(path: "t", context: 2), Tokens(path: "t", type: .u8, context: 2),
            Tokens(path: "t", context: 2, stride: 1), Tokens(path: "t", context: 2, vocabulary: 9),
            Tokens(path: "t", context: 2, from: 0.1), Tokens(path: "t", context: 2, to: 0.9),
        ]
        #expect(Set(sources.map(\.canonicalDescription)).count == sources.count)
        #expect(Bytes(paths: ["u"], context: 2).canonicalDescription == sources[0].canonicalDescription)
    }

    @Test func whatASnapshotKeepsIsChecked() throws {
        let sound = try Bytes(paths: ["t"], context: 2).open(files: [file("abc")]).preprocessing
        try sound.validate()
        var damaged = sound
        damaged.target = .classSequence(classes: 0, length: 2)
        #expect(throws: CommandError.self) { try damaged.validate() }
        damaged = sound
        damaged.inputShape = [1, 2]
        #expect(throws: CommandError.self) { try damaged.validate() }
        damaged = sound
        damaged.tokens = .words
        #expect(throws: CommandError.self) { try damaged.validate() }
    }
}
