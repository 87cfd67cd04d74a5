internal import LockstepCluster
internal import LockstepCollectives
package import LockstepCore
internal import LockstepEngine
internal import LockstepFormats
internal import LockstepJobs
internal import LockstepSnapshots
internal import LockstepWire
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

/// A coordinator: carries out what its core decides, from the first HELLO to the last word.
package final class CoordinatorService: Service {
    /// Where workers connect.
    package let address: String
    private let settings: CoordinatorSettings
    private let run: OpenedRun
    private let group: MultiThreadedEventLoopGroup
    private let listener: SecureListener
    private let events: CoordinatorEvents
    private let connections: CoordinatorConnections
    private let offered: OfferedState
    private let ending = RunEnding()
    private let denyList: DenyListWatch?
    private let finalOutcome = Mutex<RunOutcome?>(nil)

    /// Makes the run directory and listens. Nothing is started where this throws.
    ///
    /// - Throws: `CommandError`.
    package init(_ settings: CoordinatorSettings) async throws {
        guard settings.identity.name.role == .coordinator else {
            throw CommandError.refused(
                "the identity \(settings.identity.name) is no coordinator's; issue one with --role coordinator")
        }
        try settings.endurance.check(workers: settings.workers, lanes: settings.job.job.laneTree.laneCount)
        try CoordinatorService.check(settings.exchange)
        try CoordinatorService.checkSize(
            of: CoordinatorShell.welcome(
                settings, runName: settings.job.job.name + "-2026-01-01-000000", incarnation: .max, resumed: nil,
                traceContext: []))
        let contexts = try TLSContexts(settings.identity)
        let events = CoordinatorEvents()
        let connections = CoordinatorConnections(events: events, logger: settings.logger)
        let denyList = try settings.denied.map { place throws(CommandError) in
            try DenyListWatch(
                place, contexts: contexts, connections: connections, events: events, logger: settings.logger)
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let offered = OfferedState()
        let offerings = Offerings(
            file: { [job = settings.job] name throws(CommandError) in try job.packedFile(name) },
            state: { offered.vectors })
        do {
            listener = try await SecureListener.control(
                at: settings.listen, on: group, contexts: contexts, logger: settings.logger
            ) { link, hello in
                connections.accept(link, hello, offerings: offerings)
            }
        } catch {
            try? await group.shutdownGracefully()
            // Where the run has a coordinator already, that one has the address: it is what stands in the way.
            if let directory = settings.placement.existing(jobName: settings.job.job.name) {
                do throws(CommandError) {
                    _ = try RunLock(directory)
                } catch {
                    if error.exitCode == .temporary { throw error }
                }
            }
            throw error
        }
        do {
            run = try OpenedRun(settings, logger: settings.logger)
        } catch {
            listener.initiateShutdown()
            await listener.waitUntilClosed()
            try? await group.shutdownGracefully()
            throw error
        }
        offered.offer(run.resumed)
        address = listener.address.description
        self.settings = settings
        self.group = group
        self.events = events
        self.connections = connections
        self.offered = offered
        self.denyList = denyList
    }

    private static func check(_ wish: ExchangeWish) throws(CommandError) {
        let most = ExchangeSettings.mostLinks
        if let links = wish.links, !(1...most).contains(links) {
            throw .usage("--links \(links): there are 1 to \(most) links between two workers")
        }
        let least = ExchangeWish.leastBucketBytes
        if let bytes = wish.bucketBytes, bytes < least {
            throw .usage("--bucket-bytes \(bytes): a bucket has \(least) bytes or more")
        }
    }

    /// A job must fit into the one message that tells workers of it, with room for the trace context.
    private static func checkSize(of welcome: Welcome) throws(CommandError) {
        let limit = LinkLimits().payload - (16 << 10)
        let size = (try? ControlMessageCoding.encode(.welcome(welcome)))?.count ?? Int.max
        guard size <= limit else {
            throw .usage("the job takes \(size) bytes as a message, and the limit is \(limit); shorten the job file")
        }
    }

    package var runDirectory: RunDirectory { run.directory }

    /// nil while the run goes on, and where it was interrupted.
    package var outcome: RunOutcome? { finalOutcome.withLock { $0 } }

    /// A worker's process that this one started has ended.
    package func processEnded(_ name: String, processIdentifier: Int32, _ description: String) {
        events.post(
            .core(.processEnded(name: name, processIdentifier: processIdentifier, description: description)))
    }

    /// No process will be started under this name any more.
    func quarantine(_ name: String, reason: String) { events.post(.core(.quarantined(name: name, reason: reason))) }

    /// Whether a worker's process that this one started was ready for work.
    func hasPrepared(_ name: String, processIdentifier: Int32) -> Bool {
        connections.hasPrepared(name, processIdentifier: processIdentifier)
    }

    /// Whether a worker's process that this one started has a connection here.
    func isConnected(_ name: String, processIdentifier: Int32) -> Bool {
        connections.isConnected(name, processIdentifier: processIdentifier)
    }

    /// false once the run ends, or was asked to.
    var wantsWorkers: Bool { !ending.hasBegun }

    package func run() async throws {
        // Said here, where signals are heeded: who reads it may send one.
        let count = settings.workers
        let spares = settings.endurance.spares
        let kept = spares == 0 ? "" : " and \(spares) \(spares == 1 ? "spare" : "spares")"
        settings.logger.info("listening on \(address) for \(count) \(count == 1 ? "worker" : "workers")\(kept)")
        let ticker = Task { [events] in
            while !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(50))
                events.post(.tick)
            }
        }
        let watching = Task { [denyList] in
            var watch = denyList
            await watch?.run()
        }
        let socket = await listenForRequests()
        let outcome = await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                var shell = CoordinatorShell(
                    settings: settings, run: run, events: events, connections: connections, offered: offered,
                    ending: ending)
                return await shell.run()
            } onGracefulShutdown: { [listener, events, ending] in
                ending.begin()
                // Nobody new comes in; who is in ends the step.
                listener.initiateShutdown()
                events.post(.core(.stopRequested(reason: "SIGTERM")))
            }
        } onCancel: { [events] in
            events.post(.interrupt)
        }
        finalOutcome.withLock { $0 = outcome }
        ticker.cancel()
        watching.cancel()
        await socket?.close()
        listener.initiateShutdown()
        await connections.closeAll()
        await listener.waitUntilClosed()
        try? await group.shutdownGracefully()
    }

    /// A run can do without its socket, but says so.
    private func listenForRequests() async -> ControlSocket? {
        do {
            return try await ControlSocket.listen(in: run.directory, on: group) { [events] request, answer in
                events.post(.request(request, answer: answer))
            }
        } catch {
            let reason = String(describing: error).escapedForDisplay()
            settings.logger.warning("status cannot be asked for: control.sock: \(reason)")
            return nil
        }
    }
}
