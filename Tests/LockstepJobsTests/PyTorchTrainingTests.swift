import Foundation
import LockstepCore
import LockstepData
import LockstepEngine
import LockstepFormats
import Testing

@testable import LockstepJobs

/// A hundred steps from PyTorch's weights on PyTorch's samples in their order: `Tests/Scripts/torch-fixtures.py`.
@Suite("PyTorch's training") struct PyTorchTrainingTests {
    static let models = ["perceptron", "convolutional", "recurrent", "transformer", "residual"]

    @Test("the loss of each of a hundred steps, and the parameters behind them", arguments: models)
    func losses(name: String) throws {
        let fixture = try Safetensors(parsing: try contents("\(name).safetensors"))
        let expected = try #require(fixture["losses"]?.doubles)
        let training = try LocalTraining(try job(name))
        #expect(training.job.stepCount == 100 && training.job.laneTree.laneCount == 1)
        training.train()
        try #require(training.losses.count == expected.count)
        let step = expected.indices.first { abs(training.losses[$0] - expected[$0]) >= 1e-3 * expected[$0] }
        if let step {
            Issue.record("step \(step + 1): the loss is \(training.losses[step]), PyTorch's \(expected[step])")
        }
        for view in training.state.parameterViews {
            let after = try #require(fixture["after/\(view.name)"]?.floats, "\(view.name)")
            // The keys' bias moves no attention: its gradient is rounding alone, which Adam turns into whole steps.
            let third = after.count / 3
            let counted = after.indices.filter {
                !view.name.hasSuffix("in_proj_bias") || !(third..<2 * third).contains($0)
            }
            let size = norm(counted.map { Double(after[$0]) })
            let apart = norm(counted.map { Double(view.elements[$0]) - Double(after[$0]) })
            #expect(apart < 1e-2 * size, "\(view.name): \(apart) of \(size) apart")
        }
    }

    @Test("the canary: another rate is seen")
    func canary() throws {
        let expected = try #require(
            try Safetensors(parsing: try contents("perceptron.safetensors"))["losses"]?.doubles)
        let training = try LocalTraining(try job("perceptron", ["optimizer.adam.learningRate=0.00101"]))
        training.train()
        #expect(zip(training.losses, expected).contains { abs($0 - $1) > 1e-3 * $1 })
    }

    private func norm(_ numbers: [Double]) -> Double { numbers.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    private func job(_ name: String, _ overrides: [String] = []) throws -> ResolvedJob {
        let text = String(decoding: try contents("\(name).yaml"), as: UTF8.self)
        let file = try JobFile(
            JobSource(
                fileName: "\(name).yaml", fileDirectory: directory.path(), currentDirectory: "/", text: text,
                overrides: overrides))
        return try ResolvedJob(file.job) { DataFile(name: $0.name, bytes: try contents($0.name)) }
    }

    private func contents(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: directory.appending(path: name)))
    }

    private var directory: URL {
        URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/PyTorch")
    }
}
