import LockstepCore
import LockstepData
import LockstepFormats
import Testing

@Suite struct LabelledTextTests {
    private let table = """
        id,label,text
        1,good,"A fine film, a FINE one"
        2,bad,it isn't fine
        3,good,"a a a b"
        4,bad,
        """

    private func open(
        _ table: String, _ source: Text, preprocessing: Preprocessing? = nil
    ) throws -> any SampleReader {
        try source.open(files: [DataFile(name: "t.csv", bytes: Array(table.utf8))], preprocessing: preprocessing)
    }

    private func source(
        vocabulary: Int = 100, length: Int = 6, padding: TextPadding = .pre, task: CSV.Task = .classify
    ) -> Text {
        Text(path: "t.csv", vocabulary: vocabulary, length: length, padding: padding, task: task)
    }

    /// By frequency, then by the bytes of the words.
    @Test func wordsAreNumberedByFrequency() throws {
        let reader = try open(table, source())
        #expect(reader.preprocessing.text?.words == ["a", "fine", "b", "film", "isn't", "it", "one"])
        #expect(reader.tokenCount == 9 && reader.inputShape == [6] && reader.target == .classes(2))
        #expect(reader.preprocessing.classNames == ["bad", "good"] && reader.preprocessing.tokens == .words)
        #expect((0..<4).map { reader.label($0) } == [1, 0, 1, 0] && reader.greatestLabelSample == 0)
        #expect(reader.sample(0).input == [2, 3, 5, 2, 3, 8])
        #expect(reader.sample(1).input == [0, 0, 0, 7, 6, 3])
        #expect(reader.sample(3).input == [0, 0, 0, 0, 0, 0])
        let post = try open(table, source(padding: .post))
        #expect(post.sample(1).input == [7, 6, 3, 0, 0, 0])
        // What is too long loses its beginning, or its end.
        #expect(try open(table, source(length: 2)).sample(0).input == [3, 8])
        #expect(try open(table, source(length: 2, padding: .post)).sample(0).input == [2, 3])
        // A word that is too long to be one is never known.
        let long = String(repeating: "é", count: 33)
        let longest = String(repeating: "é", count: 32)
        let words = try open("label,text\na,\(long) \(long) \(longest)\n", source()).preprocessing.text?.words
        #expect(words == [longest])
        // The vocabulary counts padding and the unknown word.
        let small = try open(table, source(vocabulary: 4))
        #expect(small.tokenCount == 4 && small.sample(0).input == [2, 3, 1, 2, 3, 1])
        let digests = [reader, post, small].map(\.contentDigest)
        #expect(Set(digests).count == 3)
    }

    @Test func testTextsTakeTheTrainingsWords() throws {
        let training = try open(table, source()).preprocessing
        try training.validate()
        let test = try open("label,text\ngood,it films A film\n", source(), preprocessing: training)
        #expect(test.sample(0) == ([0, 0, 7, 1, 2, 5], [1]) && test.preprocessing == training)
        let error = #expect(throws: CommandError.self) {
            try open("label,text\nsoso,it\n", source(), preprocessing: training)
        }
        #expect(error?.message.contains("“soso” is a class that the training data does not have") == true)
        let glyphs = try Glyphs(count: 1).open(files: []).preprocessing
        #expect(throws: CommandError.self) { try open(table, source(), preprocessing: glyphs) }
        // Numbers as targets.
        let rated = try open("label,text\n2.5,a\n", source(task: .regress))
        #expect(rated.target == .values(1) && rated.sample(0).target == [2.5])
    }

    /// The validation part's words are not known.
    @Test func splitsAreFittedToTheTrainingPart() throws {
        let fitted = try open(table, source()).fitted(to: [1, 3])
        #expect(fitted.preprocessing.text?.words == ["fine", "isn't", "it"])
        #expect(fitted.sample(0).input == [1, 2, 1, 1, 2, 1])
        let (training, validation) = try Split(0.5).apply(to: open(table, source()), seed: 3)
        #expect(training.tokenCount == validation.tokenCount && training.tokenCount != 9)
        #expect(training.preprocessing == validation.preprocessing)
    }

    @Test func whatASnapshotKeepsIsChecked() throws {
        let sound = try open(table, source()).preprocessing
        for damage in [
            { (preprocessing: inout Preprocessing) in preprocessing.text = nil },
            { $0.tokens = nil }, { $0.text?.words.append("") },
            { $0.text?.words[0] = String(repeating: "a", count: 65) },
            { $0.text?.length = 7 }, { $0.inputShape = [7] },
        ] {
            var damaged = sound
            damage(&damaged)
            #expect(throws: CommandError.self) { try damaged.validate() }
        }
    }

    @Test func flawsAreNamedOnOneLine() {
        func message(_ table: String, _ source: Text) -> String {
            let error = #expect(throws: CommandError.self) { try open(table, source) }
            #expect(error?.exitCode == .usage && error?.message.contains("\n") == false)
            return error?.message ?? ""
        }
        #expect(message("label,words\na,b\n", source()) == "“t.csv”: it has no column “text”; it has label, words")
        #expect(message("label,text\n", source()).contains("no rows"))
        #expect(message("label,text\n,a\n", source()).contains("row 1, column “label”: “” is a missing label"))
        #expect(message(table, source(vocabulary: 2)).contains("a vocabulary of 2"))
        #expect(message(table, source(vocabulary: 131_073)).contains("give from 3 to 131072"))
        #expect(message(table, source(length: 0)).contains("a length of 0"))
        #expect(message(table, Text(path: "t", text: "label", length: 2)).contains("name two"))
        #expect(message("label,text\nbad,a\n", source(task: .regress)).contains("“bad” is no number"))
    }

    @Test func settingsAreDescribed() {
        let sources = [
            source(), source(vocabulary: 9), source(length: 2), source(padding: .post), source(task: .regress),
            Text(path: "t.csv", text: "x", vocabulary: 100, length: 6),
            Text(path: "t.csv", label: "x", vocabulary: 100, length: 6),
        ]
        #expect(Set(sources.map(\.canonicalDescription)).count == sources.count)
    }

    @Test func textsToPredictFor() throws {
        let training = try open(table, source()).preprocessing
        func inputs(_ name: String, _ bytes: [UInt8]) throws -> [[Float]] {
            let inputs = try PredictionInputs(DataFile(name: name, bytes: bytes), preprocessing: training)
            return (0..<inputs.count).map { index in
                var input = [Float](repeating: -7, count: 6)
                inputs.read(index, input: &input)
                return input
            }
        }
        #expect(
            try inputs("t.txt", Array("a fine, fine film\n\nnew".utf8)) == [
                [0, 0, 2, 3, 3, 5], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1],
            ])
        #expect(try inputs("t.csv", Array("x,text\n1,one film\n".utf8)) == [[0, 0, 0, 0, 8, 5]])
        #expect(throws: CommandError.self) { try inputs("t.csv", Array("x,y\n1,one film\n".utf8)) }
        #expect(throws: CommandError.self) { try inputs("t.txt", []) }
        let error = #expect(throws: CommandError.self) { try inputs("t.txt", [65, 0xFF]) }
        #expect(error?.message == "“t.txt”: it is no text: bytes that are not UTF-8 (at byte 1)")
    }
}
