internal import LockstepCore
internal import LockstepWire
internal import Logging
internal import ServiceLifecycle
internal import Subprocess
internal import Synchronization

#if canImport(System)
internal import System
#else
internal import SystemPackage
#endif

/// Worker processes on this machine: started with their identity on standard input, which stays open as long
/// as the launcher lives, so that its death is theirs.
struct LocalWorkers: Service {
    struct Worker: Sendable {
        let name: String
        let identity: Identity
        /// The cores it runs on; nil for all.
        let cores: [Int32]?
    }

    let workers: [Worker]
    /// The first arguments of each process: what it is, and all that is the same for every one.
    let command: [String]
    /// Where the coordinator listens.
    let address: String
    let runDirectory: RunDirectory
    let logger: Logger
    /// Called once a worker's process has ended: its name, its number, and how it ended.
    let ended: @Sendable (String, Int32, String) -> Void
    /// Called for each line that a worker writes.
    let wrote: @Sendable (String, String) -> Void

    func run() async throws {
        guard let executable = ExecutablePath.current else {
            throw CommandError.failed("cannot find this program's own executable to start workers from")
        }
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for worker in workers {
                    group.addTask { await runProcess(worker, executable: executable) }
                }
            }
        }
        // The processes are gone. What that means is the coordinator's to say; it ends the group.
        try? await gracefulShutdown()
    }

    private func runProcess(_ worker: Worker, executable: String) async {
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .milliseconds(500))]
        let log = LogSink.file(runDirectory.log(of: worker.name), level: .trace)
        let outcome: String
        let number = Mutex<Int32>(0)
        do {
            let result = try await Subprocess.run(
                .path(FilePath(executable)),
                arguments: Arguments(arguments(of: worker)),
                platformOptions: options, input: .inputWriter, output: .sequence, error: .combinedWithOutput
            ) { execution in
                number.withLock { $0 = execution.processIdentifier.value }
                _ = try? await execution.standardInputWriter.write(worker.identity.pipeLine)
                for try await line in execution.standardOutput.strings() {
                    log?.write(line)
                    wrote(worker.name, line)
                }
            }
            outcome = LocalWorkers.describe(result.terminationStatus)
        } catch {
            outcome = "its process could not be run: \(String(describing: error).escapedForDisplay())"
        }
        logger.debug("worker process ended", metadata: ["worker": "\(worker.name)", "status": "\(outcome)"])
        ended(worker.name, number.withLock { $0 }, outcome)
    }

    private func arguments(of worker: Worker) -> [String] {
        let cores = worker.cores.map { ["--cores", $0.map(String.init).joined(separator: ",")] } ?? []
        return command + ["--join", address, "--identity", "-"] + cores
    }

    private static func describe(_ status: TerminationStatus) -> String {
        switch status {
        case .exited(let code): "exit status \(code)"
        case .signaled(let number): "signal \(number)\(signalNames[number].map { " (\($0))" } ?? "")"
        }
    }

    private static let signalNames: [Int32: String] = [
        1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
        9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM",
    ]
}
