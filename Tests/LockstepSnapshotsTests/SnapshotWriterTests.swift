import Foundation
import LockstepCore
import LockstepFormats
import LockstepSnapshots
import Testing

@Suite struct SnapshotWriterTests {
    private func state(_ value: Float) -> StateSnapshot {
        StateSnapshot(
            parameters: [TensorView(name: "w", shape: [2], floats: [value, 2])],
            optimizer: [TensorView(name: "exp_avg.w", shape: [2], floats: [3, 4])],
            position: TrainingPosition(step: 200, epoch: 2, samplesDone: 10))
    }

    private func withRun(_ body: (RunDirectory) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("lockstep-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try body(RunDirectory(path: directory.path))
    }

    private func read(_ path: String) throws -> Safetensors {
        try Safetensors(parsing: Array(Data(contentsOf: URL(fileURLWithPath: path))))
    }

    @Test func writesBothFiles() throws {
        try withRun { run in
            let path = try SnapshotWriter(run: run).write(state(1))
            #expect(path == run.path + "/snapshots/step-00000200")
            let parameters = try read(path + "/parameters.safetensors")
            let optimizer = try read(path + "/optimizer.safetensors")
            #expect(parameters.tensors == state(1).parameters)
            #expect(optimizer["exp_avg.w"]?.floats == [3, 4])
            #expect(optimizer["position"]?.integers == [200, 2, 10])
            #expect(TensorDigest.digest(of: [parameters.tensors]) == state(1).digest)
            #expect(try FileManager.default.contentsOfDirectory(atPath: run.snapshots) == ["step-00000200"])
        }
    }

    @Test func writingTheSameAgainChangesNothing() throws {
        try withRun { run in
            let writer = SnapshotWriter(run: run)
            try writer.write(state(1))
            try writer.write(state(1))
            #expect(throws: CommandError.self) { try writer.write(state(5)) }
            let parameters = try read(run.snapshot(step: 200) + "/parameters.safetensors")
            #expect(parameters.tensors == state(1).parameters)
        }
    }

    @Test func leftoversOfAnEarlierAttemptAreReplaced() throws {
        try withRun { run in
            let beside = run.snapshot(step: 200) + ".partial"
            try FileManager.default.createDirectory(atPath: beside, withIntermediateDirectories: true)
            try Data([1, 2, 3]).write(to: URL(fileURLWithPath: beside + "/parameters.safetensors"))
            let path = try SnapshotWriter(run: run).write(state(1))
            #expect(try read(path + "/parameters.safetensors").tensors == state(1).parameters)
            #expect(!FileManager.default.fileExists(atPath: beside))
        }
    }

    @Test func failuresNameThePath() throws {
        try withRun { run in
            try Data().write(to: URL(fileURLWithPath: run.snapshots))
            let error = #expect(throws: CommandError.self) { try SnapshotWriter(run: run).write(state(1)) }
            #expect(error?.exitCode == .failed)
            #expect(error?.message.contains("/snapshots") == true)
            #expect(try Data(contentsOf: URL(fileURLWithPath: run.snapshots)).isEmpty)
        }
    }
}
