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
/// as the launcher lives, so that its death is theirs. One that ends is replaced as its `RestartPolicy` says, and one that
/// hangs is ended.
struct LocalWorkers: Service {
    struct Worker: Sendable {
        let name: String
        let identity: Identity
        /// The cores it runs on; nil for all.
        let cores: [Int32]?
    }

    /// A process that has had no connection for so long hangs. Those that are given up while they are only slow come back
    /// sooner.
    private static let absenceLimit: UInt64 = 60_000_000_000

    let workers: [Worker]
    /// The first arguments of each process: what it is, and all that is the same for every one.
    let command: [String]
    let coordinator: CoordinatorService
    /// Whether a process that ends is replaced.
    let replaces: Bool
    let logger: Logger
    /// The last lines of each worker, as it writes them.
    let lines: [String: LineRing]

    func run() async throws {
        guard let executable = ExecutablePath.current else {
            throw CommandError.failed("cannot find this program's own executable to start workers from")
        }
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for worker in workers {
                    group.addTask { await keepRunning(worker, executable: executable) }
                }
            }
        }
        // The processes are gone. What that means is the coordinator's to say; it ends the group.
        try? await gracefulShutdown()
    }

    /// Runs one process after the other under the name, until there is to be none any more.
    private func keepRunning(_ worker: Worker, executable: String) async {
        var policy = RestartPolicy()
        let log = LogSink.file(coordinator.runDirectory.log(of: worker.name), level: .trace)
        while !Task.isCancelled {
            let startedAt = ProcessClock.now
            let (end, number) = await runProcess(worker, executable: executable, log: log)
            logger.debug("worker process ended", metadata: ["worker": "\(worker.name)", "status": "\(end)"])
            coordinator.processEnded(worker.name, processIdentifier: number, end.description)
            let isPrepared = coordinator.hasPrepared(worker.name, processIdentifier: number)
            guard coordinator.wantsWorkers, !Task.isCancelled else { return }
            guard replaces else {
                return coordinator.quarantine(worker.name, reason: "it is not started again")
            }
            switch policy.ended(end, isPrepared: isPrepared, startedAt: startedAt, at: ProcessClock.now) {
            case .startAgain(let pause):
                try? await Task.sleep(for: .nanoseconds(Int64(pause)))
                guard coordinator.wantsWorkers, !Task.isCancelled else { return }
                logger.info("worker \(worker.name) is started again", metadata: ["worker": "\(worker.name)"])
            case .leave:
                return coordinator.quarantine(worker.name, reason: "it has left (\(end))")
            case .giveUp(let reason):
                return coordinator.quarantine(worker.name, reason: reason)
            }
        }
    }

    /// - Returns: how the process ended, and its number, 0 where there was none.
    private func runProcess(
        _ worker: Worker, executable: String, log: LogSink?
    ) async -> (end: ProcessEnd, processIdentifier: Int32) {
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .milliseconds(500))]
        let number = Mutex<Int32>(0)
        do {
            let result = try await Subprocess.run(
                .path(FilePath(executable)),
                arguments: Arguments(arguments(of: worker)),
                platformOptions: options, input: .inputWriter, output: .sequence, error: .combinedWithOutput
            ) { execution in
                let identifier = execution.processIdentifier.value
                number.withLock { $0 = identifier }
                async let _ = endWhenItHangs(worker, processIdentifier: identifier) {
                    try? execution.send(signal: .kill)
                }
                _ = try? await execution.standardInputWriter.write(
                    IdentityPipe.lines(worker.identity, coordinator.runDirectory))
                for try await line in execution.standardOutput.strings() {
                    log?.write(line)
                    lines[worker.name]?.append(line)
                }
            }
            let end: ProcessEnd =
                switch result.terminationStatus {
                case .exited(let code): .exited(code)
                case .signaled(let signal): .signaled(signal)
                }
            return (end, number.withLock { $0 })
        } catch {
            let reason = String(describing: error).escapedForDisplay()
            return (.notRun(reason: reason), number.withLock { $0 })
        }
    }

    /// Watches over a process until the task is cancelled.
    ///
    /// - Parameter end: ends it.
    private func endWhenItHangs(_ worker: Worker, processIdentifier: Int32, end: () -> Void) async {
        var limit = LocalWorkers.absenceLimit
        #if LOCKSTEP_FAILPOINTS
        limit = Failpoints.current.absence ?? limit
        #endif
        var watch = AbsenceWatch(limit: limit, startedAt: ProcessClock.now)
        while (try? await Task.sleep(for: .nanoseconds(AbsenceWatch.interval))) != nil {
            let isConnected = coordinator.isConnected(worker.name, processIdentifier: processIdentifier)
            guard watch.look(isConnected: isConnected, at: ProcessClock.now) else { continue }
            let text = "worker \(worker.name) hangs: its process has had no connection for"
            logger.warning(
                "\(text) \(limit / 1_000_000_000) s, and is ended", metadata: ["worker": "\(worker.name)"])
            return end()
        }
    }

    private func arguments(of worker: Worker) -> [String] {
        let cores = worker.cores.map { ["--cores", $0.map(String.init).joined(separator: ",")] } ?? []
        return command + ["--join", coordinator.address, "--identity", "-"] + cores
    }
}
