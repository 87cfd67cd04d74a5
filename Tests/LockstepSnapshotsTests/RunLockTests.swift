import Foundation
import LockstepCore
import LockstepSnapshots
import Testing

@Suite struct RunLockTests {
    private func withRun(_ body: (RunDirectory) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("lockstep-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try body(RunDirectory(path: directory.path))
    }

    @Test func oneAtATime() throws {
        try withRun { run in
            let lock = try RunLock(run)
            let error = #expect(throws: CommandError.self) { try RunLock(run) }
            #expect(error?.exitCode == .temporary)
            #expect(error?.message.contains("process \(ProcessInfo.processInfo.processIdentifier) on ") == true)
            #expect(error?.message.contains("\n") == false)
            lock.release()
            lock.release()
            let again = try RunLock(run)
            #expect(throws: CommandError.self) { try RunLock(run) }
            again.release()
        }
    }

    @Test func withoutTheDirectoryThereIsNone() throws {
        let error = #expect(throws: CommandError.self) { try RunLock(RunDirectory(path: "/nowhere/at/all")) }
        #expect(error?.exitCode == .failed)
    }

    /// The system gives a lock back when its holder is killed.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/flock")))
    func anotherProcessHoldsItUntilItDies() throws {
        try withRun { run in
            try Data("process 1 on \u{1B}[31mmoon".utf8).write(to: URL(fileURLWithPath: run.lock))
            let holder = Process()
            let input = Pipe()
            let output = Pipe()
            holder.executableURL = URL(fileURLWithPath: "/usr/bin/flock")
            // Without `-o` the shell would have the lock too.
            holder.arguments = ["-o", run.lock, "sh", "-c", "echo held; exec cat"]
            holder.standardInput = input
            holder.standardOutput = output
            try holder.run()
            #expect(try output.fileHandleForReading.read(upToCount: 5) == Data("held\n".utf8))
            let error = #expect(throws: CommandError.self) { try RunLock(run) }
            #expect(error?.message.contains("process 1 on \\u{1b}[31mmoon") == true)
            holder.terminate()
            try input.fileHandleForWriting.close()
            holder.waitUntilExit()
            try RunLock(run).release()
        }
    }
}
