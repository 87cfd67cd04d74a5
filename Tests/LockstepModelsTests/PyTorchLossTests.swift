import Testing

@testable import LockstepModels

@Suite("PyTorch's losses") struct PyTorchLossTests {
    static let fixture = Result { try PyTorchFixture("losses") }
    static let cases: [(String, Loss)] = [
        ("softmaxCrossEntropy", .softmaxCrossEntropy),
        ("labelSmoothing", .softmaxCrossEntropy(labelSmoothing: 0.1)),
        ("classWeights", .softmaxCrossEntropy(classWeights: [0.5, 2, 1, 1.25])),
        ("smoothingAndWeights", .softmaxCrossEntropy(labelSmoothing: 0.2, classWeights: [0.5, 2, 1, 1.25])),
        ("meanSquaredError", .meanSquaredError), ("meanAbsoluteError", .meanAbsoluteError),
        ("huber", .huber(delta: 0.75)), ("binaryCrossEntropy", .binaryCrossEntropy()),
        ("positiveWeight", .binaryCrossEntropy(positiveWeight: 2.5)),
        ("sequenceCrossEntropy", .softmaxCrossEntropy), ("ignoredPositions", .softmaxCrossEntropy),
    ]

    @Test("values and gradients", arguments: cases)
    func loss(name: String, loss: Loss) throws {
        let fixture = try PyTorchLossTests.fixture.get()
        let run = try PyTorchRun(Sequential(Linear(4)), loss, name, of: fixture)
        #expect(try run.compare(name, of: fixture) == 4)
    }

    @Test("every loss of the file is compared, and a wrong one is seen")
    func complete() throws {
        let fixture = try PyTorchLossTests.fixture.get()
        let known = Set(fixture.names(behind: "").compactMap { $0.split(separator: "/").first.map(String.init) })
        #expect(known == Set(PyTorchLossTests.cases.map(\.0)))
        let wrong = try PyTorchRun(Sequential(Linear(4)), .huber(delta: 0.751), "huber", of: fixture)
        let expected = try fixture.floats("huber/gradient/0.weight")
        #expect(distance(try #require(wrong.gradients["0.weight"]), expected) > 1e-4)
    }
}
