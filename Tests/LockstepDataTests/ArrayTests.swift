import LockstepCore
import LockstepData
import LockstepFormats
import Testing

@Suite struct ArrayTests {
    static func tensor(_ shape: [Int], _ floats: [Float]) -> TensorView { tensor("", shape, floats) }

    static func tensor(_ type: TensorType, _ shape: [Int], _ bytes: [UInt8]) throws -> TensorView {
        try tensor("", type, shape, bytes)
    }

    static func tensor(_ name: String, _ shape: [Int], _ floats: [Float]) -> TensorView {
        TensorView(name: name, shape: shape, floats: floats)
    }

    static func tensor(_ name: String, _ type: TensorType, _ shape: [Int], _ bytes: [UInt8]) throws -> TensorView {
        try TensorView(name: name, type: type, shape: shape, bytes: bytes[...])
    }

    private func open(
        _ inputs: TensorView, _ labels: TensorView, preprocessing: Preprocessing? = nil
    ) throws -> any SampleReader {
        try NPY(inputs: "x.npy", labels: "y.npy").open(
            files: [
                DataFile(name: "x.npy", bytes: try NPYFormat.encoded(inputs)),
                DataFile(name: "y.npy", bytes: try NPYFormat.encoded(labels)),
            ], preprocessing: preprocessing)
    }

    private let inputs = ArrayTests.tensor([3, 2], [1, 2, -3, 4, 5.5, 6])

    /// Files that NumPy wrote: float64 in Fortran's order, and big-endian 64-bit integers.
    @Test func readsFilesOfNumPy() throws {
        let inputs: [UInt8] = [
            147, 78, 85, 77, 80, 89, 1, 0, 118, 0, 123, 39, 100, 101, 115, 99, 114, 39, 58, 32, 39, 60, 102, 56, 39, 44,
            32, 39, 102, 111, 114, 116, 114, 97, 110, 95, 111, 114, 100, 101, 114, 39, 58, 32, 84, 114, 117, 101, 44,
            32, 39, 115, 104, 97, 112, 101, 39, 58, 32, 40, 51, 44, 32, 50, 41, 44, 32, 125, 32, 32, 32, 32, 32, 32, 32,
            32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32,
            32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 10, 0,
            0, 0, 0, 0, 0, 240, 63, 0, 0, 0, 0, 0, 0, 8, 192, 0, 0, 0, 0, 0, 0, 22, 64, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0,
            0, 0, 0, 0, 16, 64, 0, 0, 0, 0, 0, 0, 24, 64,
        ]
        let labels: [UInt8] = [
            147, 78, 85, 77, 80, 89, 1, 0, 118, 0, 123, 39, 100, 101, 115, 99, 114, 39, 58, 32, 39, 62, 105, 56, 39, 44,
            32, 39, 102, 111, 114, 116, 114, 97, 110, 95, 111, 114, 100, 101, 114, 39, 58, 32, 70, 97, 108, 115, 101,
            44, 32, 39, 115, 104, 97, 112, 101, 39, 58, 32, 40, 51, 44, 41, 44, 32, 125, 32, 32, 32, 32, 32, 32, 32, 32,
            32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32,
            32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 10, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1,
        ]
        let reader = try NPY(inputs: "x", labels: "y").open(files: [
            DataFile(name: "x", bytes: inputs), DataFile(name: "y", bytes: labels),
        ])
        #expect(reader.inputShape == [2] && reader.target == .classes(3) && reader.greatestLabelSample == 1)
        #expect((0..<3).map { reader.sample($0).input } == [[1, 2], [-3, 4], [5.5, 6]])
        #expect((0..<3).map { reader.label($0) } == [0, 2, 1])
        // How the numbers are stored does not matter.
        let plain = try open(self.inputs, ArrayTests.tensor(.uint8, [3], [0, 2, 1]))
        #expect(plain.contentDigest == reader.contentDigest)
        #expect(try open(self.inputs, ArrayTests.tensor(.uint8, [3], [0, 1, 2])).contentDigest != reader.contentDigest)
    }

    @Test func labelsAreValuesWhereTheyAreFloats() throws {
        let one = try open(inputs, ArrayTests.tensor([3], [0.5, 2, 7]))
        #expect(one.target == .values(1) && one.sample(2) == ([5.5, 6], [7]) && one.greatestLabelSample == 0)
        let two = try open(inputs, ArrayTests.tensor([3, 2], [1, 2, 3, 4, 5, 6]))
        #expect(two.target == .values(2) && two.sample(1).target == [3, 4])
        // Test labels are what the training labels are.
        let test = try open(inputs, ArrayTests.tensor(.uint8, [3], [0, 2, 1]), preprocessing: one.preprocessing)
        #expect(test.target == .values(1) && test.sample(1).target == [2])
    }

    /// Whole numbers can be tokens, and a class for each of them.
    @Test func wholeNumbersAreTokensAndSequencesOfClasses() throws {
        let tokens = try ArrayTests.tensor(.uint8, [2, 3], [7, 0, 1, 2, 9, 3])
        let labels = try ArrayTests.tensor(.uint16, [2, 3], [0, 0, 4, 0, 1, 0, 1, 0, 0, 0, 2, 0])
        let reader = try open(tokens, labels)
        #expect(reader.tokenCount == 10 && reader.target == .classSequence(classes: 5, length: 3))
        #expect(reader.sample(0) == ([7, 0, 1], [0, 4, 1]) && reader.sample(1) == ([2, 9, 3], [1, 0, 2]))
        #expect(reader.greatestLabelSample == 0)
        // One label a sample is its class, however its array is shaped.
        #expect(try open(tokens, ArrayTests.tensor(.uint8, [2, 1], [1, 0])).target == .classes(2))
        let others = [
            try open(ArrayTests.tensor(.uint8, [2, 3], [7, 0, 1, 2, 8, 3]), labels),
            try open(tokens, ArrayTests.tensor(.uint8, [2, 3], [0, 4, 1, 1, 0, 3])),
        ]
        #expect(others.allSatisfy { $0.contentDigest != reader.contentDigest })
        #expect(
            try open(tokens, ArrayTests.tensor(.uint8, [2, 3], [0, 4, 1, 1, 0, 2])).contentDigest
                == reader.contentDigest)
        // Fractions and negative numbers are no tokens.
        #expect(try open(ArrayTests.tensor([2, 1], [1, 2]), labels).tokenCount == nil)
        #expect(try open(ArrayTests.tensor(.int8, [2, 1], [0xFF, 2]), labels).tokenCount == nil)
    }

    @Test func shapesOfInputs() throws {
        let labels = try ArrayTests.tensor(.uint8, [1], [0])
        let numbers = (0..<24).map { Float($0) }
        for (shape, expected) in [
            ([1, 24], [24]), ([1, 4, 6], [4, 6, 1]), ([1, 2, 3, 4], [2, 3, 4]), ([1, 1, 2, 3, 4], [1, 2, 3, 4]),
        ] {
            let reader = try open(ArrayTests.tensor(shape, numbers), labels)
            #expect(reader.inputShape == expected && reader.sample(0).input == numbers)
        }
        #expect(try open(ArrayTests.tensor([1], [4]), labels).inputShape == [1])
    }

    @Test func readsSafetensors() throws {
        let labels = try ArrayTests.tensor("labels", .uint8, [3], [0, 2, 1])
        let file = try Safetensors(tensors: [ArrayTests.tensor("inputs", [3, 2], [1, 2, -3, 4, 5.5, 6]), labels])
            .encoded()
        let reader = try SafetensorsData(path: "d").open(files: [DataFile(name: "d", bytes: file)])
        #expect(reader.contentDigest == (try open(inputs, labels)).contentDigest)
        #expect(reader.sample(1) == ([-3, 4], [2]))
        let error = #expect(throws: CommandError.self) {
            try SafetensorsData(path: "d", inputs: "x\n").open(files: [DataFile(name: "d", bytes: file)])
        }
        #expect(error?.message == "“d”: it has no tensor “x\\u{a}”; it has inputs, labels")
        #expect(throws: CommandError.self) {
            try SafetensorsData(path: "d").open(files: [DataFile(name: "d", bytes: Array(file.dropLast()))])
        }
    }

    @Test func flawsAreNamed() throws {
        let labels = try ArrayTests.tensor(.uint8, [3], [0, 2, 1])
        func message(_ inputs: TensorView, _ labels: TensorView) -> String {
            let error = #expect(throws: CommandError.self) { try open(inputs, labels) }
            #expect(error?.exitCode == .usage)
            return error?.message ?? ""
        }
        #expect(
            message(inputs, try ArrayTests.tensor(.uint8, [2], [0, 1])).hasPrefix(
                "“y.npy”: labels of shape [2] do not fit 3 inputs"))
        #expect(message(inputs, ArrayTests.tensor([], [1])).contains("labels of shape []"))
        #expect(message(inputs, try ArrayTests.tensor(.int8, [3], [0, 0xFF, 1])).contains("a label of sample 1"))
        #expect(
            message(inputs, try ArrayTests.tensor(.int8, [3, 2], [0, 1, 2, 3, 0x80, 0])).contains("a label of sample 2")
        )
        #expect(message(ArrayTests.tensor([], [1]), labels).contains("first extent counts"))
        #expect(message(ArrayTests.tensor([0, 2], []), labels).contains("it is empty"))
        #expect(message(ArrayTests.tensor([3, 0], []), labels).contains("it is empty"))
        #expect(
            message(ArrayTests.tensor([3, 2], [1, 2, 3, .nan, 5, 6]), labels)
                == "“x.npy”: sample 1 has a number that is not finite; remove or replace it")
        #expect(message(inputs, ArrayTests.tensor([3], [1, 2, .infinity])).hasPrefix("“y.npy”: sample 2"))
    }
}
