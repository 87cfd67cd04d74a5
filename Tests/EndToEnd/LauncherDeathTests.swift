import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ExecutableTests {
    /// However a launcher dies, nothing of it is left two seconds later: no process, no socket, no temporary
    /// file, no shared memory.
    @Suite(.enabled(if: ProcessTable.isAvailable)) struct LauncherDeathTests {
        @Test(arguments: [
            Signal.kill, Signal.abort, Signal.quit, Signal.invalidAccess, Signal.hangUp, Signal.interrupt,
            Signal.terminate,
        ])
        func nothingIsLeft(after signal: Int32) async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.endless, to: "job.yaml")
                try FileManager.default.createDirectory(
                    atPath: directory["temporary"], withIntermediateDirectories: true)
                let shared = LauncherDeathTests.sharedMemory
                let launcher = directory.start(
                    ["train", "job.yaml", "--workers", "3", "--threads", "1", "--json", "--run-directory", "run"],
                    environment: ["TMPDIR": directory["temporary"]])
                _ = try await launcher.outputLine(containing: "\"step\":5,")
                // Also while a failure is being dealt with.
                if let worker = directory.workers.first { Signal.send(Signal.kill, to: worker.processIdentifier) }
                try await launcher.signal(signal)
                _ = try await launcher.outcome()
                #expect(try await directory.processesLeft(after: .promised(2)).isEmpty)
                #expect(directory.contents.filter { $0.hasPrefix("temporary/") || $0.hasSuffix(".sock") }.isEmpty)
                #expect(LauncherDeathTests.sharedMemory.subtracting(shared).isEmpty)
            }
        }

        private static var sharedMemory: Set<String> {
            Set((try? FileManager.default.contentsOfDirectory(atPath: "/dev/shm")) ?? [])
        }
    }
}
