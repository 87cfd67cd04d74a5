import LockstepFormats
import Testing

extension ExecutableTests {
    /// The promise: the same bits for any number of workers and threads, on any instruction set.
    @Suite struct DigestTests {
        /// A way to run a job.
        struct Setting: Sendable, CustomTestStringConvertible {
            let workers: Int
            let threads: Int
            let instructionSet: String

            var testDescription: String { "\(workers) × \(threads) \(instructionSet)" }
        }

        /// Every number of workers, of threads and every instruction set, each with others beside it.
        static let settings = [
            Setting(workers: 1, threads: 1, instructionSet: "generic"),
            Setting(workers: 2, threads: 2, instructionSet: "avx2"),
            Setting(workers: 3, threads: 1, instructionSet: "avx512"),
            Setting(workers: 4, threads: 2, instructionSet: "generic"),
            Setting(workers: 7, threads: 1, instructionSet: "avx2"),
            Setting(workers: 1, threads: 2, instructionSet: "avx512"),
        ]

        @Test(arguments: SmallJob.all)
        func digestsAreTheSame(of job: SmallJob) async throws {
            try await TestDirectory.with { directory in
                try directory.write(job.text, to: "job.yaml")
                let known = try await InstructionSets.ofThisMachine
                var measurements: [String]?
                for setting in DigestTests.settings where setting.workers <= job.lanes {
                    // A set that this CPU lacks gives way to the fastest one.
                    let environment =
                        known.contains(setting.instructionSet) ? ["LOCKSTEP_ISA": setting.instructionSet] : [:]
                    let result = try await directory.train(
                        "job.yaml", "--workers", "\(setting.workers)", "--threads", "\(setting.threads)",
                        environment: environment)
                    #expect(result.digest == job.digest, "\(setting.testDescription)")
                    #expect(result.stateDigest == job.stateDigest, "\(setting.testDescription)")
                    #expect(result.steps == job.steps)
                    // What is told of the way is the same as well.
                    #expect(result.measurements == measurements ?? result.measurements, "\(setting.testDescription)")
                    measurements = result.measurements
                }
            }
        }

        @Test func digestIsTheSameInAMixedCluster() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.ragged.text, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(job: "job.yaml", workers: 3)
                let known = try await InstructionSets.ofThisMachine
                var workers: [RunningProcess] = []
                for (index, name) in ["avx512", "avx2", "generic"].enumerated() {
                    let environment = known.contains(name) ? ["LOCKSTEP_ISA": name] : [:]
                    workers.append(
                        try cluster.worker("w\(index)", join: coordinator.address, environment: environment))
                }
                let result = try TrainingResult(try await coordinator.process.outcome())
                #expect(result.digest == SmallJob.ragged.digest)
                #expect(result.stateDigest == SmallJob.ragged.stateDigest)
                #expect(result.lanesComputed.count == 3)
                for worker in workers {
                    let outcome = try await worker.outcome()
                    #expect(outcome.end == .exited(0), "\(outcome)")
                }
                // The coordinator names the instruction set of each worker.
                let log = try await coordinator.process.outcome().errorText
                for name in known { #expect(log.contains(name), "\(log)") }
            }
        }

        /// Own files, plain and compressed: the contents count, not how they are stored.
        @Test func digestIsOfTheContents() async throws {
            try await TestDirectory.with { directory in
                try directory.writeIDXJob()
                let plain = try await directory.train("job.yaml", "--workers", "2")
                let (images, labels) = (try directory.bytes(of: "images"), try directory.bytes(of: "labels"))
                try directory.write(IDXFiles.gzip(images), to: "images.gz")
                try directory.write(IDXFiles.gzip(labels), to: "labels.gz")
                let compressed = try await directory.train(
                    "job.yaml", "--set", "data.train.idx.images=images.gz", "--set", "data.train.idx.labels=labels.gz")
                #expect(plain == compressed)
                #expect(plain.digest == "bd2ca7b65bf53a1ca6ce42157d7b4e67bb35a07f16d576bc69f0fbe5e3c5be92")
                // The canary: one other pixel.
                var other = images
                other[16 + 100] ^= 1
                try directory.write(other, to: "images")
                #expect(try await directory.train("job.yaml").digest != plain.digest)
            }
        }

        /// The canary of all the above: what belongs to the job does change the bits.
        @Test(arguments: ["seed=8", "lanes=7", "batchSize=31", "data.train.glyphs.seed=2", "epochs=2"])
        func anotherJobHasAnotherDigest(change: String) async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.perceptron.text, to: "job.yaml")
                let result = try await directory.train("job.yaml", "--workers", "2", "--set", change)
                #expect(result.digest != SmallJob.perceptron.digest)
                #expect(result.stateDigest != SmallJob.perceptron.stateDigest)
            }
        }

        @Test func planDigestIsTheSameInTwentyProcesses() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.convolution.text, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                var plans: Set<String> = []
                var jobs: Set<String> = []
                // run.json is there before anybody joins, so the coordinator alone shows what it made of the job.
                for index in 0..<20 {
                    let run = "run-\(index)"
                    let coordinator = try await cluster.coordinator(
                        job: "job.yaml", workers: 1, ["--run-directory", run])
                    let description = try directory.json(of: "\(run)/run.json")
                    plans.insert(description["planDigest"]?.string ?? "none")
                    jobs.insert(description["jobDigest"]?.string ?? "none")
                    try await coordinator.process.signal(Signal.interrupt)
                    let outcome = try await coordinator.process.outcome()
                    #expect(outcome.end == .exited(130), "\(outcome)")
                }
                #expect(plans.count == 1 && plans.first?.count == 64, "\(plans)")
                #expect(jobs.count == 1 && jobs.first?.count == 64, "\(jobs)")
            }
        }
    }
}
