import LockstepCore
import LockstepData
import Testing

@Suite struct CSVTests {
    private let text = """
        id,size,colour,shop,answer
        1,2,red,10,yes
        2,NA,green,2,no
        3,4,,10,no
        4, 9 ," red ",2,yes

        """

    /// `size` 2, 4, 9: mean 5, deviation √(26/3).
    private let deviation = (26.0 / 3).squareRoot()

    private func open(
        _ text: String, _ source: CSV = CSV(path: "t.csv", label: "answer", categorical: ["shop"], ignored: ["id"]),
        preprocessing: Preprocessing? = nil
    ) throws(CommandError) -> any SampleReader {
        try source.open(files: [DataFile(name: "t.csv", bytes: Array(text.utf8))], preprocessing: preprocessing)
    }

    private func scaled(_ size: Double) -> Float { Float((size - 5) / deviation) }

    @Test func readsATable() throws {
        let reader = try open(text)
        #expect(reader.count == 4)
        // size; green, missing, red; 10, 2
        #expect(reader.inputShape == [6])
        #expect(reader.target == .classes(2))
        #expect(reader.preprocessing.classNames == ["no", "yes"])
        #expect(reader.greatestLabelSample == 0)
        #expect(reader.sample(0) == ([scaled(2), 0, 0, 1, 1, 0], [1]))
        #expect(reader.sample(1) == ([0, 1, 0, 0, 0, 1], [0]))
        #expect(reader.sample(2) == ([scaled(4), 0, 1, 0, 1, 0], [0]))
        #expect(reader.sample(3) == ([scaled(9), 0, 0, 1, 0, 1], [1]))
        let columns = reader.preprocessing.table?.columns ?? []
        #expect(columns.map(\.name) == ["size", "colour", "shop"])
        #expect(columns.map(\.kind) == [.numeric, .categorical, .categorical])
        #expect(columns.map(\.categories) == [[], ["green", "missing", "red"], ["10", "2"]])
        #expect(columns[0].mean == 5 && columns[0].deviation == deviation && columns[0].fill == 5)
    }

    @Test func normalisedNumbersHaveMeanZeroAndDeviationOne() throws {
        let numbers: [Double] = (0..<57).map { Double(($0 * 37) % 101) * 1.25 - 400 }
        let lines = ["x,y"] + numbers.map { "\($0),\($0)" }
        let reader = try open(lines.joined(separator: "\n"), CSV(path: "t.csv", label: "y"))
        #expect(reader.target == .values(1))
        let inputs = (0..<57).map { Double(reader.sample($0).input[0]) }
        let mean = inputs.reduce(0, +) / 57
        let variance = inputs.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 57
        #expect(abs(mean) < 1e-6 && abs(variance - 1) < 1e-6)
        #expect((0..<57).map { reader.sample($0).target } == numbers.map { [Float($0)] })
        let plain = try open(lines.joined(separator: "\n"), CSV(path: "t.csv", label: "y", normalize: false))
        #expect((0..<57).map { plain.sample($0).input } == numbers.map { [Float($0)] })
        #expect(plain.contentDigest != reader.contentDigest)
    }

    @Test func labelsAreClassesOrValues() throws {
        let numbers = "x,y\n1,10\n2,9\n3,10\n4,8.5\n"
        func reader(_ text: String, _ task: CSV.Task?) throws(CommandError) -> any SampleReader {
            try open(text, CSV(path: "t.csv", label: "y", task: task))
        }
        #expect(try reader(numbers, nil).target == .values(1))
        #expect(try reader(numbers, .regress).sample(3).target == [8.5])
        let classes = try reader(numbers, .classify)
        #expect(classes.preprocessing.classNames == ["10", "8.5", "9"])
        // Whole numbers are ordered by value.
        let whole = try reader("x,y\n1,10\n2,9\n3,10\n", .classify)
        #expect(whole.preprocessing.classNames == ["9", "10"])
        #expect((0..<3).map { whole.label($0) } == [1, 0, 1] && whole.greatestLabelSample == 0)
        #expect(throws: CommandError.self) { try reader("x,y\n1,a\n", .regress) }
    }

    @Test func howItIsWrittenDoesNotMatter() throws {
        let digest = try open(text).contentDigest
        let same = [
            text.replacing("\n", with: "\r\n"), String(text.dropLast()), "\u{FEFF}" + text,
            text.replacing("red,", with: "\"red\","), text.replacing("NA", with: ""),
            text.replacing("1,2,red", with: "7,2.0,red"), text.replacing(",4,", with: ",0.4e1,"),
        ]
        for (index, text) in same.enumerated() { #expect(try open(text).contentDigest == digest, "\(index)") }
        let different = [
            text.replacing("yes", with: "yea"), text.replacing("green", with: "grey"),
            text.replacing(",4,", with: ",5,"), text.replacing("colour", with: "color"),
            text.replacing("4, 9 ,\" red \",2,yes\n", with: ""), text.replacing("2,no", with: "2,yes"),
        ]
        for (index, text) in different.enumerated() { #expect(try open(text).contentDigest != digest, "\(index)") }
    }

    @Test func compressionDoesNotMatter() throws {
        let bytes: [UInt8] = [
            31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 208, 169, 228, 50, 212, 49, 226, 50, 214, 49, 225, 2, 0, 151, 68, 41,
            128, 12, 0, 0, 0,
        ]
        let source = CSV(path: "t", label: "y")
        let compressed = try source.open(files: [DataFile(name: "t.csv.gz", bytes: bytes)])
        #expect(try open("x,y\n1,2\n3,4\n", source).contentDigest == compressed.contentDigest)
    }

    @Test func testDataUsesWhatTheTrainingDataFitted() throws {
        let training = try open(text).preprocessing
        let test = try open(
            "answer,shop,extra,colour,size\nno,77,1,red,14\nyes,2,1,blue,\n", preprocessing: training)
        #expect(test.preprocessing == training)
        #expect(test.sample(0) == ([scaled(14), 0, 0, 1, 0, 0], [0]))
        // What the training data does not know is nothing; what is missing is the training data's mean.
        #expect(test.sample(1) == ([0, 0, 0, 0, 0, 1], [1]))
        // Fitted to itself it would be another.
        #expect(
            try open(
                "answer,shop,extra,colour,size\nno,77,1,red,14\nyes,2,1,blue,\n",
                CSV(path: "t.csv", label: "answer")
            ).preprocessing != training)

        func message(_ text: String) -> String {
            #expect(throws: CommandError.self) { try open(text, preprocessing: training) }?.message ?? ""
        }
        #expect(
            message("answer,shop,colour\nno,1,red\n") == "“t.csv”: it has no column “size”; it has answer, shop, colour"
        )
        #expect(
            message("answer,shop,colour,size\nno,1,red,2\nperhaps,1,red,3\n").contains(
                "row 2, column “answer”: “perhaps” is a class that the training data does not have"))
        #expect(
            message("answer,shop,colour,size\nno,1,red,two\n").contains(
                "row 1, column “size”: “two” is no number (at byte 33)"))
        let glyphs = try Glyphs(count: 1).open(files: []).preprocessing
        #expect(throws: CommandError.self) { try open(text, preprocessing: glyphs) }
    }

    /// Fitting leaves the validation part out: its rows change nothing but themselves.
    @Test func splitsAreFittedToTheTrainingPart() throws {
        let reader = try open(text)
        let fitted = try reader.fitted(to: [0, 2])
        let columns = fitted.preprocessing.table?.columns ?? []
        #expect(columns[0].mean == 3 && columns[0].deviation == 1)
        #expect(columns.map(\.categories) == [[], ["missing", "red"], ["10"]])
        #expect(fitted.inputShape == [4] && fitted.preprocessing.classNames == ["no", "yes"])
        #expect(fitted.sample(1) == ([0, 0, 0, 0], [0]))
        #expect(fitted.sample(3) == ([6, 0, 1, 0], [1]))
        #expect(fitted.contentDigest != reader.contentDigest)

        let (training, validation) = try Split(0.5).apply(to: reader, seed: 3)
        #expect(training.preprocessing == validation.preprocessing)
        #expect(training.preprocessing == (try reader.fitted(to: training.samples)).preprocessing)
        #expect(training.preprocessing != reader.preprocessing)
        // Test data and what a snapshot has read back are never fitted again.
        let test = try open(text, preprocessing: reader.preprocessing)
        #expect(try test.fitted(to: [0]).preprocessing == reader.preprocessing)
    }

    @Test func columnsThatSayNothingAreHarmless() throws {
        let reader = try open("c,n,y\n5,,1\n5,NA,2\n", CSV(path: "t.csv", label: "y"))
        #expect(reader.sample(0) == ([0, 0], [1]))
        #expect(reader.sample(1) == ([0, 0], [2]))
    }

    @Test func flawsAreNamedOnOneLine() {
        func message(_ text: String, _ source: CSV = CSV(path: "t.csv", label: "y")) -> String {
            let error = #expect(throws: CommandError.self, "\(text)") { try open(text, source) }
            #expect(error?.exitCode == .usage)
            #expect(error?.message.contains("\n") == false)
            return error?.message ?? ""
        }
        #expect(message("") == "“t.csv”: the CSV file is empty (at byte 0)")
        #expect(message("x,y\n").contains("it has no rows"))
        #expect(message("y\n1\n").contains("no column beside the label"))
        #expect(message("x,z\u{1B}\n1,2\n") == "“t.csv”: it has no column “y”; it has x, z\\u{1b}")
        #expect(message("x,y\n1,\n").contains("row 1, column “y”: “” is a missing label"))
        #expect(message("x,y\n1,2,3\n").contains("has 3 fields where the header has 2"))
        #expect(message("x, x,y\n1,2,3\n").contains("two of its columns are named “x”"))
        #expect(message("x,y\n1e308,1\n1e308,2\n").contains("column “x”: its numbers are too large"))
        #expect(
            message("x,y\nab\u{7}c,1\n", CSV(path: "t", label: "y", numeric: ["x"])).contains(
                "“ab\\u{7}c” is no number"))
        #expect(message("x,y\n1,1\n", CSV(path: "t", label: "y", ignored: ["q"])).contains("no column “q”"))
        #expect(
            message("x,y\n1,1\n", CSV(path: "t", label: "y", numeric: ["x"], categorical: ["x"])).contains("keep one"))
        let many = "x,y\n" + (0...70_000).map { "c\($0),1\n" }.joined()
        #expect(message(many).contains("more than 65536 inputs"))
    }

    @Test func settingsAreDescribed() {
        let sources = [
            CSV(path: "a", label: "y"), CSV(path: "a", label: "z"), CSV(path: "a", label: "y", task: .classify),
            CSV(path: "a", label: "y", numeric: ["q"]), CSV(path: "a", label: "y", categorical: ["q"]),
            CSV(path: "a", label: "y", ignored: ["q"]), CSV(path: "a", label: "y", ignored: ["q", "r"]),
            CSV(path: "a", label: "y", ignored: ["q,r"]), CSV(path: "a", label: "y", normalize: false),
        ]
        #expect(Set(sources.map(\.canonicalDescription)).count == sources.count)
        #expect(CSV(path: "b", label: "y").canonicalDescription == sources[0].canonicalDescription)
    }
}
