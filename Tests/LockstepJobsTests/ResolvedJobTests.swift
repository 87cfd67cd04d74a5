import LockstepCore
import LockstepData
import LockstepEngine
import LockstepModels
import Testing

@testable import LockstepJobs

@Suite struct ResolvedJobTests {
    private func resolve(_ text: String, _ overrides: [String] = []) throws -> ResolvedJob {
        try ResolvedJob(JobFile(JobFileTests.source(text, overrides)).job) { DataFile(name: $0.name, bytes: []) }
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

    /// The text of the first version, which no later setting may change where it is not used.
    @Test func descriptionOfAPlainJobIsAsEver() throws {
        let job = try resolve(JobFileTests.valid)
        let test = try #require(job.test)
        #expect(
            job.description == """
                lockstep job 1
                arithmetic 2
                loss softmaxCrossEntropy
                optimizer adam(learningRate:cosine(from:0.001,warmUpSteps:0),beta1:0.9,beta2:0.999,epsilon:1e-08)
                train \(job.train.contentDigest)
                test \(test.contentDigest)
                batchSize 16
                lanes 8
                epochs 2
                seed 42
                model

                """ + job.plan.modelDescription)
        #expect(job.watch == nil)
        #expect(job.validation == nil)
        #expect(job.metricNames == ["accuracy"])
        #expect(job.vectorNames == ["exp_avg", "exp_avg_sq"])
    }

    @Test func digestCoversEveryNewSettingThatDecidesBits() throws {
        let digest = try resolve(JobFileTests.valid).digest
        var seen = [digest]
        for change in [
            "data.validation={split: 0.1}", "data.validation={split: 0.2}",
            "data.validation={glyphs: {count: 9, part: validation}}", "data.transforms=flip",
            "data.transforms=[crop: 2]",
            "shuffle=false", "regularization={l2: 0.1}", "regularization={l1: 0.1}", "clipping={norm: 1}",
            "clipping={value: 1}", "earlyStopping=3", "earlyStopping={patience: 3, restoreBest: true}",
            "optimizer=adamW", "loss={softmaxCrossEntropy: {labelSmoothing: 0.1}}", "snapshots={best: loss}",
        ] {
            let changed = try resolve(JobFileTests.valid, [change]).digest
            #expect(!seen.contains(changed), "\(change)")
            seen.append(changed)
        }
        for operational in [
            "snapshots={everySteps: 3, keep: 9}", "audit={everySteps: 3}", "traces=off", "traces={slow: 5}",
            "metrics=[f1]", "regularization={l2: 0}", "shuffle=true",
        ] {
            #expect(try resolve(JobFileTests.valid, [operational]).digest == digest, "\(operational)")
        }
    }

    @Test func splitTakesSamplesAway() throws {
        let job = try resolve(JobFileTests.valid, ["data.validation={split: 0.25}"])
        #expect(job.train.count == 75)
        #expect(job.validation?.count == 25)
        #expect(job.order.count == 75)
        #expect(job.validationOrder?.stepsPerEpoch == 2)
        #expect(job.watch?.isActive == false)
        #expect(job.test?.count == 20)
    }

    @Test func watchingNeedsDataToJudgeBy() throws {
        let withoutTest = JobFileTests.valid.replacing("  test: {glyphs: {count: 20, part: test}}\n", with: "")
        #expect(withoutTest != JobFileTests.valid)
        for (override, name) in [
            ("earlyStopping=3", "earlyStopping"), ("snapshots={best: accuracy}", "snapshots.best"),
            ("optimizer={sgd: {plateau: 0.1}}", "the schedule plateau"),
        ] {
            #expect(try resolve(JobFileTests.valid, [override]).validation?.count == 20)
            let both = try resolve(withoutTest, [override, "data.validation={split: 0.1}"])
            #expect(both.validation?.count == 10)
            #expect(both.watch?.isActive == true)
            do {
                _ = try resolve(withoutTest, [override])
                Issue.record("accepted \(override)")
            } catch let error as CommandError {
                #expect(error.message.hasPrefix("\(name) needs data to judge by"), "\(error.message)")
                #expect(error.exitCode == .usage)
            }
        }
    }

    @Test func snapshotsComeAtTheEndsOfEpochs() throws {
        #expect(try resolve(JobFileTests.valid).snapshotEverySteps == 105)  // 7 steps an epoch
        #expect(try resolve(JobFileTests.valid, ["batchSize=1"]).snapshotEverySteps == 100)
        #expect(try resolve(JobFileTests.valid, ["snapshots={everySteps: 3}"]).snapshotEverySteps == 3)
        #expect(SnapshotPolicy().interval(stepsPerEpoch: 101) == 101)
        #expect(SnapshotPolicy().interval(stepsPerEpoch: 99) == 198)
    }

    @Test func keepsTheBestWhereItIsRestored() throws {
        let job = try resolve(JobFileTests.valid, ["earlyStopping={patience: 3, restoreBest: true}"])
        #expect(job.keepsBest)
        #expect(job.vectorNames == ["exp_avg", "exp_avg_sq", "best"])
    }

    @Test func classesBecomeValuesWhereTheLossWantsThem() throws {
        let job = try resolve(JobFileTests.valid, ["loss=meanSquaredError"])
        #expect(job.train.target == .values(10))
        var input = [Float](repeating: 0, count: job.plan.sampleElements)
        var target = [Float](repeating: 9, count: 10)
        for sample in 0..<10 {
            target.withUnsafeMutableBytes { bytes in
                if let base = bytes.baseAddress { job.train.read(sample, input: &input, target: base) }
            }
            #expect(target.reduce(0, +) == 1 && target.contains(1))
        }
        let binary = try resolve(
            JobFileTests.valid,
            [
                "loss=binaryCrossEntropy", "model=[linear: 1]", "data.train={moons: 50}",
                "data.test={moons: {count: 9, part: test}}",
            ])
        #expect(binary.train.target == .values(1))
        var values: [Float] = []
        for sample in 0..<50 {
            var value: Float = 9
            binary.train.read(sample, input: &input, target: &value)
            values.append(value)
        }
        #expect(values.allSatisfy { $0 == 0 || $0 == 1 } && values.contains(0) && values.contains(1))
    }

    @Test(arguments: [
        (
            ["data.train={line: 10}", "data.test={line: 5}", "model=[linear: 3]"],
            "its targets are values, but softmaxCrossEntropy learns classes"
        ),
        (
            ["data.train={line: 10}", "data.test={line: 5}", "model=[linear: 2]", "loss=huber"],
            "1 target values, but the model has 2 outputs"
        ),
        (["data.test={line: 5}"], "give both the same shape"),
        (["model.4=linear: 1", "loss=binaryCrossEntropy"], "out of range"),
        (["earlyStopping={metric: f1, patience: 2}"], "'f1' is not measured; it must be one of loss, accuracy"),
        (["data.transforms=[crop: 28]"], "does not fit images of 28×28"),
        (["epochs=16777216", "data.train.glyphs.count=100000000"], "steps are too many"),
    ])
    func refusesWhatIsNew(_ overrides: [String], _ expected: String) throws {
        do {
            _ = try resolve(JobFileTests.valid, overrides)
            Issue.record("accepted \(overrides)")
        } catch let error as CommandError {
            #expect(error.exitCode == .usage)
            #expect(error.message.contains(expected), "\(error.message)")
        }
    }
}
