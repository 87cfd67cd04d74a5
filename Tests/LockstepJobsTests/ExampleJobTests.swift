import LockstepCore
import LockstepData
import LockstepEngine
import LockstepModels
import Testing

@testable import LockstepJobs

/// Every job in `cluster/jobs` does what its comments say.
@Suite struct ExampleJobTests {
    @Test func allAreRead() throws {
        let names = try ExampleJobs.names
        #expect(names.count >= 6)
        for name in names { #expect(try ExampleJobs.file(name).job.name == name) }
    }

    @Test func regressionFindsTheLine() throws {
        let training = try LocalTraining(ExampleJobs.resolved("regression"))
        training.train()
        let (weight, bias) = (training.parameter("line.weight"), training.parameter("line.bias"))
        #expect(weight.count == 1 && abs(weight[0] - 3) <= 0.06, "\(weight)")
        #expect(bias.count == 1 && abs(bias[0] - 2) <= 0.04, "\(bias)")
    }

    @Test func sigmoidRegressionFallsAtEachHundred() throws {
        let training = try LocalTraining(ExampleJobs.resolved("sigmoid-regression"))
        training.train()
        let hundreds = stride(from: 99, to: 1000, by: 100).map { training.losses[$0] }
        #expect(hundreds.count == 10)
        for (earlier, later) in zip([training.losses[0]] + hundreds, hundreds) {
            #expect(later < earlier, "\(hundreds)")
        }
    }

    /// The network beats a linear model that learns the same rows, on rows that neither has seen.
    @Test func tabularNetworkBeatsALinearModel() throws {
        func accuracy(_ overrides: [String]) throws -> Double {
            let training = try LocalTraining(ExampleJobs.resolved("tabular-mlp", overrides))
            training.train()
            let test = try #require(training.job.test)
            let measures = try #require(training.job.measures(of: training.evaluate(test)))
            #expect(training.losses.count < training.job.stepCount, "early stopping never came")
            return try #require(measures.metrics.first { $0.name == "accuracy" }).value
        }
        let network = try accuracy([])
        let linear = try accuracy(["model=[linear: 3]", "regularization.l2=0", "shuffle=false"])
        #expect(network > linear + 0.1, "network \(network), linear \(linear)")
    }

    /// A few steps, with a smaller head: the whole job takes a minute, and a debug build is slow to draw millions of
    /// initial values.
    @Test func imageNetLearns() throws {
        let training = try LocalTraining(
            ExampleJobs.resolved(
                "imagenet-cnn",
                [
                    "model.16.hidden.linear=32", "model.18.output.linear=10", "data.train.patterns.count=4",
                    "batchSize=4", "steps=6",
                ]))
        training.train()
        #expect(training.losses.count == 6)
        #expect(training.losses[5] < training.losses[0] * 0.9, "\(training.losses)")
    }

    @Test func imageNetCompilesAsStated() throws {
        let job = try ExampleJobs.resolved("imagenet-cnn")
        #expect(job.plan.inputShape == [224, 224, 3])
        #expect(job.plan.classes == 1000)
        #expect(job.plan.layerTable.filter { $0.kind == "conv2D" }.count == 5)
        #expect(job.plan.layerTable.filter { $0.kind == "linear" }.map(\.outputShape) == [[1024], [1000]])
        #expect(job.metricNames == ["accuracy", "top5"])
    }
}
