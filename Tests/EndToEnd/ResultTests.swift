import LockstepFormats
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ExecutableTests {
    /// What a run leaves: a snapshot whose digests anybody can compute again.
    @Suite struct ResultTests {
        @Test(arguments: [SmallJob.convolution, SmallJob.ragged])
        func snapshotHasTheDigestsOfTheEvent(job: SmallJob) async throws {
            try await TestDirectory.with { directory in
                try directory.write(job.text, to: "job.yaml")
                let result = try await directory.train("job.yaml", "--workers", "3", "--run-directory", "out/run")
                #expect(result.runDirectory == "out/run")
                let snapshot = "out/run/snapshots/step-0000000\(job.steps)"
                let computed = try StateDigests(snapshot, in: directory)
                #expect(computed.digest == result.digest)
                #expect(computed.stateDigest == result.stateDigest)
                #expect(computed.parameters.allSatisfy { $0.type == .float32 })
                // Nothing half-written stays behind.
                #expect(
                    try FileManager.default.contentsOfDirectory(atPath: directory["out/run/snapshots"]).count == 1)

                // The canary: one bit of one parameter.
                let name = snapshot + "/parameters.safetensors"
                var bytes = try directory.bytes(of: name)
                bytes[bytes.count - 1] ^= 1
                try directory.write(bytes, to: name)
                #expect(try StateDigests(snapshot, in: directory).digest != result.digest)
            }
        }

        @Test func namesAndShapesArePyTorchs() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.convolution.text, to: "job.yaml")
                let result = try await directory.train("job.yaml")
                let computed = try StateDigests(result.runDirectory + "/snapshots/step-00000005", in: directory)
                let shapes = computed.parameters.sorted { $0.name < $1.name }.map { "\($0.name) \($0.shape)" }
                #expect(
                    shapes == [
                        "0.bias [4]", "0.weight [4, 1, 3, 3]", "3.bias [8]", "3.weight [8, 4, 3, 3]", "7.bias [10]",
                        "7.weight [10, 200]",
                    ])
                #expect(
                    computed.optimizer.map(\.name).sorted()
                        == ["exp_avg", "exp_avg_sq"].flatMap { kind in
                            computed.parameters.map { "\(kind).\($0.name)" }
                        }.sorted())
            }
        }

        @Test func latestPointsToTheLastRun() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.perceptron.text, to: "small.yaml")
                for steps in [1, 2] {
                    let result = try await directory.train("small.yaml", "--set", "epochs=\(steps)")
                    #expect(result.runDirectory.hasPrefix("runs/small/"))
                    let link = try FileManager.default.destinationOfSymbolicLink(
                        atPath: directory["runs/small/latest"])
                    #expect("runs/small/\(link)" == result.runDirectory)
                    #expect(try directory.json(of: "runs/small/latest/run.json")["epochs"]?.int == steps)
                }
                #expect(try FileManager.default.contentsOfDirectory(atPath: directory["runs/small"]).count == 3)
            }
        }

        @Test func pathsAreRelativeToWhereTheyStand() async throws {
            try await TestDirectory.with { directory in
                try directory.writeIDXJob()
                let expected = try await directory.train("job.yaml")
                // In the job, to the job file; in `--set`, to the current directory.
                try directory.write(directory.bytes(of: "job.yaml"), to: "jobs/job.yaml")
                try await directory.run(["train", "jobs/job.yaml"]).expectRefusal(naming: "images", "No such file")
                let moved = ["images", "labels"].map { "data.train.idx.\($0)=\($0)" }
                let result = try await directory.train("jobs/job.yaml", "--set", moved[0], "--set", moved[1])
                #expect(result == expected)
            }
        }

        @Test func existingRunDirectoryIsRefused() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.perceptron.text, to: "job.yaml")
                let first = try await directory.train("job.yaml", "--run-directory", "run")
                let before = try directory.bytes(of: "run/run.json")
                let outcome = try await directory.run(["train", "job.yaml", "--run-directory", "run"])
                outcome.expectRefusal(naming: "run", "exists")
                #expect(try directory.bytes(of: "run/run.json") == before)
                #expect(try StateDigests("run/snapshots/step-00000009", in: directory).digest == first.digest)
            }
        }
    }
}
