import LockstepCore
import LockstepData
import LockstepFormats
import Testing

@Suite struct PredictionInputsTests {
    private func inputs(_ inputs: PredictionInputs, _ count: Int) -> [[Float]] {
        (0..<inputs.count).map { index in
            var input = [Float](repeating: -7, count: count)
            inputs.read(index, input: &input)
            return input
        }
    }

    private func file(_ bytes: [UInt8]) -> DataFile { DataFile(name: "in", bytes: bytes) }

    private let grey = Preprocessing(inputShape: [1, 2, 1], target: .classes(2), images: ImagePreprocessing())

    @Test func imagesAreBroughtToTheModelsShape() throws {
        let png = ImageTests.png(1, 2, 1, [0, 51])
        let one = try PredictionInputs(file(png), preprocessing: grey)
        #expect(inputs(one, 2) == [[0, 0.2]] && one.name(of: 0) == "in")
        let folder = DataFile(
            name: "set",
            entries: [
                DataFile(name: "b/2.png", bytes: ImageTests.png(2, 4, 3, Array(repeating: 51, count: 24))),
                DataFile(name: "a.png", bytes: png),
            ])
        let several = try PredictionInputs(folder, preprocessing: grey)
        #expect(inputs(several, 2) == [[0, 0.2], [0.2, 0.2]])
        #expect((0..<2).map { several.name(of: $0) } == ["set/a.png", "set/b/2.png"])
        let normalized = grey.adding(Transforms([.flip, .normalize(mean: [0.2], deviation: [0.5])]))
        #expect(inputs(try PredictionInputs(file(png), preprocessing: normalized), 2) == [[-0.4, 0]])
    }

    @Test func idxAndArrays() throws {
        let idx: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 51, 102, 255]
        let images = try PredictionInputs(file(idx), preprocessing: grey)
        #expect(inputs(images, 2) == [[0, 0.2], [0.4, 1]] && images.name(of: 1) == "1")
        for shape in [[2, 1, 2, 1], [2, 1, 2]] {
            let npy = try NPYFormat.encoded(ArrayTests.tensor(shape, [1, 2, 3, 4]))
            #expect(inputs(try PredictionInputs(file(npy), preprocessing: grey), 2) == [[1, 2], [3, 4]])
        }
        let single = try NPYFormat.encoded(ArrayTests.tensor([1, 2, 1], [1, 2]))
        #expect(inputs(try PredictionInputs(file(single), preprocessing: grey), 2) == [[1, 2]])
        let wrong = try NPYFormat.encoded(ArrayTests.tensor([2, 3], [1, 2, 3, 4, 5, 6]))
        #expect(throws: CommandError.self) { try PredictionInputs(file(wrong), preprocessing: grey) }
    }

    /// A row looks to the model as it did in training.
    @Test func rowsOfTables() throws {
        let text = "size,colour,answer\n2,red,yes\n4,green,no\n,red,yes\n"
        let reader = try CSV(path: "t", label: "answer").open(files: [file(Array(text.utf8))])
        let rows = try PredictionInputs(
            file(Array("colour,unused,size\nred,,2\nblue,,4\n".utf8)), preprocessing: reader.preprocessing)
        #expect(inputs(rows, 3) == [reader.sample(0).input, [1, 0, 0]])
        let error = #expect(throws: CommandError.self) {
            try PredictionInputs(file(Array("colour\nred\n".utf8)), preprocessing: reader.preprocessing)
        }
        #expect(error?.message.contains("no column “size”") == true)
        #expect(throws: CommandError.self) {
            try PredictionInputs(file(Array("colour,size\n".utf8)), preprocessing: reader.preprocessing)
        }
        #expect(throws: CommandError.self) { try PredictionInputs(file(Array(text.utf8)), preprocessing: grey) }
        #expect(throws: CommandError.self) {
            try PredictionInputs(file(ImageTests.png(1, 1, 1, [0])), preprocessing: reader.preprocessing)
        }
    }

    @Test func preprocessingOfEverySourceIsSound() throws {
        let table = try CSV(path: "t", label: "y").open(files: [file(Array("a,b,y\n1,x,1\n2,é,2\n,e\u{301},3\n".utf8))])
        let readers = [
            table, try Glyphs(count: 10).open(files: []), try Line(count: 1).open(files: []),
            try Patterns(count: 1, height: 2, width: 2).open(files: []), try Moons(count: 2).open(files: []),
        ]
        for reader in readers { try reader.preprocessing.validate() }
        // Names count by their bytes, not by what Unicode calls equivalent.
        #expect(table.inputShape == [4])
    }

    @Test func damagedPreprocessingIsRefused() throws {
        let text = "size,colour,answer\n2,red,yes\n4,green,no\n"
        let sound = try CSV(path: "t", label: "answer").open(files: [file(Array(text.utf8))]).preprocessing
        let damages: [(inout Preprocessing) -> Void] = [
            { $0.inputShape = [4] }, { $0.inputShape = [-3] }, { $0.inputShape = [.max, .max] },
            { $0.classNames = ["a"] }, { $0.target = .classes(0) }, { $0.target = .values(1) },
            { $0.table?.columns[0].deviation = 0 }, { $0.table?.columns[0].mean = .nan },
            { $0.table?.columns[0].fill = .infinity }, { $0.table?.columns[1].categories = ["red", "green"] },
            { $0.table?.columns[1].categories = ["red"] }, { $0.images = ImagePreprocessing() },
        ]
        try sound.validate()
        for (index, damage) in damages.enumerated() {
            var damaged = sound
            damage(&damaged)
            let error = #expect(throws: CommandError.self, "\(index)") { try damaged.validate() }
            #expect(error?.exitCode == .verification)
        }
        var image = grey
        image.images?.normalization = .init(mean: [0], deviation: [0])
        #expect(throws: CommandError.self) { try image.validate() }
        image.images = ImagePreprocessing(pixelScale: 0)
        #expect(throws: CommandError.self) { try image.validate() }
    }
}
