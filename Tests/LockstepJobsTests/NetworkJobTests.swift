import LockstepCore
import LockstepData
import LockstepEngine
import LockstepModels
import Testing

@testable import LockstepJobs

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The jobs `text-lstm`, `gpt-bytes` and `resnet18`, each a little way: the whole runs are made by hand.
@Suite struct NetworkJobTests {
    @Test func textsAreToldApart() throws {
        let training = try LocalTraining(
            ExampleJobs.resolved(
                "text-lstm",
                [
                    "data.train.sentences={count: 1024, vocabulary: 200}",
                    "data.test.sentences={count: 256, vocabulary: 200, part: test}", "model.1.lstm.lstm=32",
                    "optimizer.adam.learningRate=0.01", "batchSize=16", "epochs=4",
                ]))
        training.train()
        let test = try #require(training.job.test)
        let measures = try #require(training.job.measures(of: training.evaluate(test)))
        let accuracy = try #require(measures.metrics.first { $0.name == "accuracy" }).value
        #expect(accuracy >= 0.9, "\(accuracy) \(training.losses)")
    }

    @Test func bytesAreForeseen() throws {
        let training = try LocalTraining(
            ExampleJobs.resolved(
                "gpt-bytes",
                [
                    "steps=50", "optimizer.adamW.learningRate.cosine.warmUpSteps=5",
                    "data.train.bytes.paths=../../docs/", "data.test.bytes.paths=../../docs/",
                ]))
        training.train()
        #expect(abs(training.losses[0] - 5.545) < 0.2, "\(training.losses[0]) is not log 256")
        #expect(training.losses.suffix(10).reduce(0, +) / 10 < 3.4, "\(training.losses)")
    }

    /// The names of torchvision's `resnet18`, so that its weights fit where the shapes are the same.
    @Test func resNetHasTorchvisionsNames() throws {
        let entries = try ExampleJobs.resolved("resnet18", ["data.train.patterns.count=64"]).plan.layout.entries
        let shapes = Set(entries.map { "\($0.name) \($0.shape)" })
        #expect(
            shapes.isSuperset(of: [
                "conv1.weight [64, 3, 3, 3]", "bn1.running_mean [64]", "layer1.0.conv1.weight [64, 64, 3, 3]",
                "layer1.1.bn2.bias [64]", "layer2.0.downsample.0.weight [128, 64, 1, 1]",
                "layer2.0.downsample.1.running_var [128]", "layer4.1.conv2.weight [512, 512, 3, 3]",
                "fc.weight [10, 512]",
            ]))
        #expect(entries.count == 102)
    }

    /// A narrow one, of the same blocks.
    @Test func resNetLearns() throws {
        let path = "\(ExampleJobs.directory)/resnet18.yaml"
        var text = try String(contentsOfFile: path, encoding: .utf8)
        for outputs in [64, 128, 256, 512] { text = text.replacing("outputs: \(outputs),", with: "outputs: 8,") }
        let file = try JobFile(
            JobSource(
                fileName: path, fileDirectory: ExampleJobs.directory, currentDirectory: ExampleJobs.directory,
                text: text,
                overrides: [
                    "data.train.patterns={count: 16, height: 16, width: 16, classes: 2}",
                    "data.test.patterns={count: 4, height: 16, width: 16, classes: 2, part: test}",
                    "data.transforms=[]",
                    "batchSize=16", "lanes=2", "epochs=12",
                    "optimizer.sgd.learningRate=0.05",
                ]))
        let training = try LocalTraining(ResolvedJob(file.job) { DataFile(name: $0.name, bytes: []) })
        #expect(training.job.groups.groups.first?.ranges.count == 2 * 20 + 1)
        training.train()
        #expect(training.losses[11] < 0.5 * training.losses[0], "\(training.losses)")
        #expect(training.parameter("bn1.running_mean").contains { $0 != 0 })
        #expect(training.parameter("bn1.running_var").allSatisfy { $0 > 0 && $0 != 1 })
    }
}
