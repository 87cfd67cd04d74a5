internal import LockstepCluster
internal import LockstepCore
internal import LockstepEngine
internal import LockstepWire
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// One worker: connects to its coordinator, does what it is told, and ends with the exit code that it is told.
package final class WorkerService: Service {
    private let settings: WorkerSettings
    private let finalOutcome = Mutex<RunOutcome?>(nil)

    package init(_ settings: WorkerSettings) { self.settings = settings }

    /// nil while the worker works.
    package var outcome: RunOutcome? { finalOutcome.withLock { $0 } }

    package func run() async throws {
        let end: RunOutcome
        do {
            end = try await work()
        } catch let error as CommandError {
            end = RunOutcome(exitCode: error.exitCode, message: error.message)
        }
        finalOutcome.withLock { $0 = end }
    }

    /// - Throws: `CommandError` where the worker cannot even begin.
    private func work() async throws -> RunOutcome {
        guard settings.identity.name.role == .worker else {
            throw CommandError.refused(
                "the identity \(settings.identity.name) is no worker's; issue one with --role worker")
        }
        let identity = WorkerIdentity(
            name: settings.identity.name.name, process: ProcessNumber(UInt64.random(in: 1...UInt64.max)),
            host: Machine.hostName, processIdentifier: getpid(), version: lockstepProgram,
            instructionSet: settings.kernels.name, threads: settings.threads ?? Machine.cores, cores: Machine.cores,
            hasOwnCores: settings.hasOwnCores)
        settings.status.update { $0.worker = identity.name }
        let controlGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            let end = try await work(as: identity, controlGroup)
            return RunOutcome(exitCode: end.exitCode, message: end.message)
        } catch {
            try? await controlGroup.shutdownGracefully()
            throw error
        }
    }

    /// Works until the first reason to end, which it returns; then the event loops have ended, unless the time is over in
    /// which the process must be gone.
    private func work(
        as identity: WorkerIdentity, _ controlGroup: MultiThreadedEventLoopGroup
    ) async throws -> CommandError {
        let (endings, ending) = AsyncStream.makeStream(of: CommandError.self)
        let ended: @Sendable (ExitCode, String) -> Void = { ending.yield(CommandError($0, $1)) }
        let events = Mailbox<WorkerDriver.Event>()
        let network = try WorkerNetwork(
            settings: settings, identity: identity, controlGroup: controlGroup, events: events, ended: ended)
        let driver = WorkerDriver(
            settings: settings, identity: identity, network: network, events: events, ended: ended)
        let (driving, driverEnd) = AsyncStream.makeStream(of: Never.self)
        try DetachedThread.start("driver", policy: .throughput) {
            driver.run()
            driverEnd.finish()
        }
        network.dial()
        let grace = LeavingGrace(settings.grace)
        let end = await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                var first = endings.makeAsyncIterator()
                return await first.next() ?? CommandError(.interrupted, "")
            } onGracefulShutdown: {
                grace.begin()
                events.post(.core(.leaveRequested(reason: "stopped by SIGTERM")))
                network.endSoon(after: grace.handingOver) { ended(.temporary, "stopped by SIGTERM") }
            }
        } onCancel: {
            ended(.interrupted, "")
        }
        if end.exitCode == .success { settings.logger.info("done: \(end.message)") }
        events.post(.stop)
        let (closing, closed) = AsyncStream.makeStream(of: Never.self)
        let close = Task {
            await network.shutdown()
            // Its thread uses the event loops. One that hangs in a computation is left behind.
            await WorkerService.wait(for: driving, atMost: .seconds(2))
            await network.endLoops()
            try? await controlGroup.shutdownGracefully()
            closed.finish()
        }
        // SIGINT: what was to be said is not waited for.
        if Task.isCancelled { close.cancel() }
        await WorkerService.wait(for: closing, atMost: grace.rest)
        return end
    }

    /// - Parameter limit: nil for however long it takes.
    private static func wait(for end: AsyncStream<Never>, atMost limit: Duration?) async {
        // A task of its own: also a worker that was cancelled waits.
        await Task {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { for await _ in end {} }
                if let limit { group.addTask { try? await Task.sleep(for: limit) } }
                await group.next()
                group.cancelAll()
            }
        }.value
    }
}
