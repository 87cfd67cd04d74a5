import LockstepCore
import LockstepData
import LockstepFormats
import Testing

@Suite struct ImageTests {
    static func png(_ height: Int, _ width: Int, _ channels: Int, _ pixels: [UInt8]) -> [UInt8] {
        PNGFormat.encode(PNGImage(height: height, width: width, channels: channels, pixels: pixels))
    }

    private static let grey = png(1, 2, 1, [0, 51])
    private static let red = png(1, 2, 3, [255, 0, 0, 0, 0, 255])
    private static let clear = png(1, 2, 4, [1, 2, 3, 0, 4, 5, 6, 255])

    private func folder(_ entries: [(String, [UInt8])]) -> DataFile {
        DataFile(name: "set", entries: entries.map { DataFile(name: $0.0, bytes: $0.1) })
    }

    private func open(
        _ entries: [(String, [UInt8])], _ source: ImageFolder = ImageFolder(path: "set"),
        preprocessing: Preprocessing? = nil
    ) throws(CommandError) -> any SampleReader {
        try source.open(files: [folder(entries)], preprocessing: preprocessing)
    }

    @Test func readsAFolder() throws {
        let reader = try open([
            ("a/2", ImageTests.red), ("b/1", ImageTests.clear), ("a-b/x", ImageTests.grey), ("a/10", ImageTests.grey),
        ])
        #expect(reader.count == 4 && reader.inputShape == [1, 2, 3] && reader.target == .classes(3))
        #expect(reader.preprocessing.classNames == ["a", "a-b", "b"])
        #expect(reader.greatestLabelSample == 3)
        // Files stand in the order of their names: a-b/x, a/10, a/2, b/1.
        #expect(reader.sample(0) == ([0, 0, 0, 0.2, 0.2, 0.2], [1]))
        #expect(reader.sample(1) == ([0, 0, 0, 0.2, 0.2, 0.2], [0]))
        #expect(reader.sample(2) == ([1, 0, 0, 0, 0, 1], [0]))
        #expect(reader.sample(3) == ([1, 2, 3, 4, 5, 6].map { Float($0) / 255 }, [2]))
    }

    @Test func channelsFollowTheImagesOrTheSetting() throws {
        let greys = [("a/1", ImageTests.grey), ("b/1", ImageTests.grey)]
        #expect(try open(greys).inputShape == [1, 2, 1])
        #expect(try open(greys, ImageFolder(path: "set", channels: 3)).sample(1).input == [0, 0, 0, 0.2, 0.2, 0.2])
        let converted = try open([("a/1", ImageTests.red)], ImageFolder(path: "set", channels: 1))
        // ITU-R 601: 0.299 · 255 = 76.2, 0.114 · 255 = 29.1.
        #expect(converted.sample(0).input == [Float(76) / 255, Float(29) / 255])
    }

    @Test func testImagesFollowTheTrainingImages() throws {
        let training = try open([("b/1", ImageTests.red), ("a/1", ImageTests.red)]).preprocessing
        let test = try open([("b/9", ImageTests.png(2, 4, 1, Array(repeating: 51, count: 8)))], preprocessing: training)
        #expect(test.preprocessing == training)
        #expect(test.sample(0) == (Array(repeating: 0.2, count: 6), [1]))
        #expect(throws: CommandError.self) { try open([("c/1", ImageTests.red)], preprocessing: training) }
        let table = Preprocessing(inputShape: [3], target: .classes(2))
        #expect(throws: CommandError.self) { try open([("a/1", ImageTests.red)], preprocessing: table) }
    }

    /// Compared with the triangle filter's weights by hand.
    @Test func resizingIsATriangleFilter() throws {
        func resized(_ height: Int, _ width: Int, _ pixels: [UInt8], to newHeight: Int, _ newWidth: Int) throws
            -> [Float]
        {
            let file = ImageTests.png(height, width, 1, pixels)
            return try open([("a/1", file)], ImageFolder(path: "set", height: newHeight, width: newWidth))
                .sample(0).input.map { $0 * 255 }
        }
        // Twice as large: 1/4 and 3/4 between neighbours, the edges repeated; halves are rounded up.
        #expect(try resized(1, 2, [0, 100], to: 1, 4) == [0, 25, 75, 100])
        #expect(try resized(2, 1, [0, 100], to: 4, 1) == [0, 25, 75, 100])
        #expect(try resized(1, 2, [0, 101], to: 1, 4) == [0, 25, 76, 101])
        // Half as large: weights 1, 3, 3, 1, cut at the edges to 3, 3, 1.
        #expect(try resized(1, 4, [10, 20, 30, 200], to: 1, 2) == [17, 101])
        #expect(try resized(3, 3, Array(repeating: 7, count: 9), to: 5, 2) == Array(repeating: 7, count: 10))
        #expect(try resized(2, 2, [1, 2, 3, 4], to: 2, 2) == [1, 2, 3, 4])
    }

    @Test func digestsCoverPixelsAndNames() throws {
        let digest = try open([("a/1", ImageTests.grey), ("b/1", ImageTests.red)]).contentDigest
        #expect(try open([("a/7", ImageTests.grey), ("b/3", ImageTests.red)]).contentDigest == digest)
        // The same colours in another kind of PNG.
        let withAlpha = ImageTests.png(1, 2, 4, [255, 0, 0, 255, 0, 0, 255, 255])
        #expect(try open([("a/1", ImageTests.grey), ("b/1", withAlpha)]).contentDigest == digest)
        for entries in [
            [("a/1", ImageTests.grey), ("c/1", ImageTests.red)], [("a/1", ImageTests.grey), ("a/2", ImageTests.red)],
            [("a/1", ImageTests.grey), ("b/1", ImageTests.clear)],
        ] {
            #expect(try open(entries).contentDigest != digest)
        }
    }

    @Test func flawsAreNamed() {
        func message(_ entries: [(String, [UInt8])], _ source: ImageFolder = ImageFolder(path: "set")) -> String {
            let error = #expect(throws: CommandError.self) { try open(entries, source) }
            #expect(error?.exitCode == .usage && error?.message.contains("\n") == false)
            return error?.message ?? ""
        }
        #expect(message([]).contains("there are no images"))
        #expect(message([("1", ImageTests.red)]).hasPrefix("“set/1”: it lies in no class's directory"))
        #expect(
            message([("a/no\u{1B}te", [1, 2])])
                == "“set/a/no\\u{1b}te”: it is no PNG image; convert it to PNG or remove it")
        #expect(message([("a/1", Array(ImageTests.red.dropLast(20)))]).hasPrefix("“set/a/1”: "))
        let other = ImageTests.png(2, 2, 1, [1, 2, 3, 4])
        #expect(
            message([("a/1", ImageTests.red), ("a/2", other)]).contains(
                "“set/a/2”: it has 2×2 pixels, “set/a/1” has 1×2"))
        #expect(message([("a/1", other)], ImageFolder(path: "set", height: 3)).contains("height or width is missing"))
        #expect(message([("a/1", other)], ImageFolder(path: "set", height: 0, width: 3)).contains("impossible"))
        #expect(message([("a/1", other)], ImageFolder(path: "set", height: .max, width: 3)).contains("impossible"))
        #expect(message([("a/1", other)], ImageFolder(path: "set", channels: 2)).contains("2 channels"))
        #expect(throws: CommandError.self) {
            try ImageFolder(path: "set").open(files: [DataFile(name: "set", bytes: ImageTests.red)])
        }
    }

    @Test func readsCIFAR10() throws {
        func record(_ label: UInt8, _ base: UInt8) -> [UInt8] {
            [label] + (0..<3072).map { base &+ UInt8($0 / 1024) &+ UInt8($0 % 1024 == 1 ? 10 : 0) }
        }
        let source = CIFAR10(paths: ["1.bin", "2.bin"])
        let files = [
            DataFile(name: "1.bin", bytes: record(3, 0) + record(9, 100)),
            DataFile(name: "2.bin", bytes: record(0, 200)),
        ]
        let reader = try source.open(files: files)
        #expect(reader.count == 3 && reader.inputShape == [32, 32, 3] && reader.target == .classes(10))
        #expect((0..<3).map { reader.label($0) } == [3, 9, 0] && reader.greatestLabelSample == 1)
        #expect(reader.preprocessing.classNames[3] == "cat")
        #expect(
            reader.sample(1).input[0..<9] == [100, 101, 102, 110, 111, 112, 100, 101, 102].map { Float($0) / 255 }[...])
        let joined = try CIFAR10(paths: ["x"]).open(files: [DataFile(name: "x", bytes: files[0].bytes + files[1].bytes)]
        )
        #expect(joined.contentDigest == reader.contentDigest)
        for bytes in [[], record(10, 0), record(1, 0).dropLast()] as [[UInt8]] {
            let error = #expect(throws: CommandError.self) {
                try CIFAR10(paths: ["x"]).open(files: [DataFile(name: "x", bytes: bytes)])
            }
            #expect(error?.message.hasPrefix("“x”: ") == true)
        }
        #expect(throws: CommandError.self) { try CIFAR10(paths: []).open(files: []) }
    }
}
