import LockstepFormats
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ExecutableTests {
    /// A training program of one's own is launcher, coordinator, worker and all other commands.
    @Suite struct ProgramTests {
        private static var program: String { ExecutablePath.beside("DigitsProgram") }
        private static var jobFile: String { SourcePath.root + "/cluster/programs/digits/digits.yaml" }

        @Test func codeAndJobFileAreTheSameJob() async throws {
            try await TestDirectory.with { directory in
                let code = RunningProcess(
                    ["train", "--json", "--workers", "2", "--run-directory", "code"], in: directory.path,
                    executable: ProgramTests.program)
                let file = try await directory.train(ProgramTests.jobFile, "--workers", "3", "--run-directory", "file")
                #expect(try TrainingResult(try await code.outcome()) == file)
                let (one, other) = (try directory.json(of: "code/run.json"), try directory.json(of: "file/run.json"))
                #expect(one["jobDigest"] == other["jobDigest"] && one["planDigest"] == other["planDigest"])
            }
        }

        @Test func theProgramHasEveryCommand() async throws {
            try await TestDirectory.with { directory in
                let help = RunningProcess(["--help"], in: directory.path, executable: ProgramTests.program)
                let outcome = try await help.outcome()
                for command in ["train", "coordinator", "worker", "snapshot", "trace", "evaluate", "predict", "status"]
                {
                    #expect(outcome.output.contains { $0.contains("  \(command) ") }, "\(outcome)")
                }
                let refused = RunningProcess(
                    ["train", "other.yaml"], in: directory.path, executable: ProgramTests.program)
                #expect(try await refused.outcome().end == .exited(2))
            }
        }
    }
}
