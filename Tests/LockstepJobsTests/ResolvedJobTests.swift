import LockstepCore
import LockstepData
import LockstepEngine
import LockstepModels
import Testing

@testable import LockstepJobs

@Suite struct ResolvedJobTests {
    private func resolve(_ text: String, _ overrides: [String] = []) throws -> ResolvedJob {
        try ResolvedJob(JobFile(JobFileTests.source(text, overrides)).job) { _ in [] }
    }

    @Test func countsStepsOfRaggedEpochs() throws {
        let job = try resolve(JobFileTests.valid)
        #expect(job.stepCount == 14)  // 100 samples in batches of 16: 7 a epoch
        #expect(job.epochCount == 2)
        #expect(job.testOrder?.stepsPerEpoch == 2)
    }

    @Test func digestCoversWhatIsTrainedAndNothingElse() throws {
        let digest = try resolve(JobFileTests.valid).digest
        #expect(try resolve(JobFileTests.valid, ["name=another"]).digest == digest)
        #expect(try resolve(JobFileTests.valid + "\n# a comment\n").digest == digest)
        for change in [
            "seed=43", "batchSize=17", "lanes=4", "epochs=3", "data.train.glyphs.count=101", "data.test.glyphs.seed=2",
            "data.train.glyphs.seed=2", "optimizer.adam.learningRate=0.1", "optimizer.adam.epsilon=1e-6",
            "model.0.conv2D.outputs=5", "model.1=flatten",
        ] {
            if let changed = try? resolve(JobFileTests.valid, [change]) {
                #expect(changed.digest != digest, "\(change)")
            }
        }
    }

    @Test func planDigestIsStable() throws {
        let first = try resolve(JobFileTests.valid).plan.digest
        for _ in 0..<5 { #expect(try resolve(JobFileTests.valid).plan.digest == first) }
        #expect(try resolve(JobFileTests.valid, ["model.0.conv2D.outputs=5"]).plan.digest != first)
    }

    @Test(arguments: [
        (["model.4=linear: 7"], "out of range"),
        (["model.3=relu"], "flatten"),
        (["model.0.conv2D.kernel=99"], "larger than what comes in"),
        (["model=[flatten]"], "no parameters"),
    ])
    func refusesWhatDoesNotFit(_ overrides: [String], _ expected: String) throws {
        do {
            _ = try resolve(JobFileTests.valid, overrides)
            Issue.record("accepted \(overrides)")
        } catch let error as CommandError {
            #expect(error.exitCode == .usage)
            #expect(error.message.contains(expected), "\(error.message)")
        }
    }
}
