internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepWire
internal import Logging
internal import NIOCore
internal import Synchronization
internal import UnixSignals

/// A worker's connections: control and bulk to the coordinator, data links to the other members.
final class WorkerNetwork: Sendable {
    struct Connections {
        var control: (number: ConnectionNumber, link: ControlLink)?
        /// Where the coordinator was last reached from.
        var localAddress: Endpoint?
        var bulk: ControlLink?
        /// Data links and their listeners, which are there until the worker ends.
        var rails: RailGroup?
        /// The dialling of the members of a generation.
        var linking: Task<Void, Never>?
        /// The links of a generation that was planned.
        var linksAhead: LinksAhead?
        var count = 0
        var redial: Redial
        /// What the next HELLO says.
        var standing = WorkerStanding()
        var fetching: Fetching?
    }

    /// Takes the finished spans of a step.
    let spans = SpanSender()
    let settings: WorkerSettings
    let identity: WorkerIdentity
    let contexts: TLSContexts
    /// Of data links.
    let limits: LinkLimits
    let controlGroup: any EventLoopGroup
    let events: Mailbox<WorkerDriver.Event>
    private let ended: @Sendable (ExitCode, String) -> Void
    let connections: Mutex<Connections>
    /// The step up to which the coordinator said it has reports, and 1; 0 where it was not heard since it was last asked.
    private let heard = Atomic<UInt64>(0)
    /// Sequences of frames that are on their way on the bulk connection, or wait for their turn.
    let sending = Atomic(0)
    let (transmissionStream, transmissions) = AsyncStream.makeStream(of: Transmission.self)
    let tasks = TaskBag()

    init(
        settings: WorkerSettings, identity: WorkerIdentity, controlGroup: any EventLoopGroup,
        events: Mailbox<WorkerDriver.Event>, ended: @escaping @Sendable (ExitCode, String) -> Void
    ) throws {
        self.settings = settings
        self.identity = identity
        self.controlGroup = controlGroup
        self.events = events
        self.ended = ended
        connections = Mutex(
            Connections(redial: Redial(start: ProcessClock.seconds, patience: settings.patience)))
        contexts = try TLSContexts(settings.identity)
        var limits = settings.linkLimits
        #if LOCKSTEP_FAILPOINTS
        if let records = Failpoints.current.recordsPerKey { limits.recordsPerKey = records }
        #endif
        self.limits = limits
    }

    /// Ends all connections and tasks. Nothing is opened afterwards.
    func shutdown() async {
        await spans.drain(atMost: .milliseconds(500))
        tasks.cancelAll()
        let (rails, linking) = connections.withLock { connections in
            connections.control?.link.close()
            connections.bulk?.close()
            return (connections.rails, connections.linking)
        }
        linking?.cancel()
        rails?.close()
        await tasks.waitForAll()
        await linking?.value
        await rails?.stopListening()
    }

    /// Calls `end` when the time is over that a worker has to hand over what it holds, or at another SIGTERM.
    func endSoon(after seconds: Double, _ end: @escaping @Sendable () -> Void) {
        tasks.add {
            guard (try? await Task.sleep(for: .seconds(seconds))) != nil else { return }
            end()
        }
        tasks.add {
            for await _ in await UnixSignalsSequence(trapping: .sigterm) { end() }
        }
    }

    /// Ends the event loops of data links; after `shutdown`, and when nobody else uses them any more.
    func endLoops() async { await connections.withLock { $0.rails }?.endLoops() }

    // MARK: The coordinator

    /// Connects to the coordinator, again and again while patience lasts.
    func dial() {
        tasks.add { [self] in await dialUntilConnected() }
        tasks.add { [self] in await spans.run { await sendSpan($0) } }
        tasks.add { [self] in await transmit() }
    }

    /// Connects again after a connection that has ended: after the next pause. Before the first WELCOME while patience lasts;
    /// later that is the core's to watch.
    func dialAgain(reason: String) {
        tasks.add { [self] in if await pause(reason) { await dialUntilConnected() } }
    }

    /// Ends a control connection; the core hears that it is lost.
    func close(_ connection: ConnectionNumber) {
        guard let control = connections.withLock({ $0.control }), control.number == connection else { return }
        control.link.close()
    }

    /// What every HELLO says from now on.
    func publish(_ standing: WorkerStanding) { connections.withLock { $0.standing = standing } }

    /// Whether this control connection is the newest one, and open.
    func isCurrent(_ connection: ConnectionNumber) -> Bool {
        connections.withLock { $0.control?.number == connection }
    }

    /// Where the coordinator was heard since the last call: up to which step it has reports, 0 where it did not say.
    func takeHeard() -> UInt32? {
        let heard = heard.exchange(0, ordering: .relaxed)
        return heard == 0 ? nil : UInt32(clamping: heard - 1)
    }

    private func dialUntilConnected() async {
        let dialer = ControlDialer(group: controlGroup, contexts: contexts)
        while !Task.isCancelled {
            do {
                let link = try await dialer.connect(
                    to: settings.coordinator, hello: identity.hello(.control, connections.withLock { $0.standing }))
                return await read(link)
            } catch {
                guard !Task.isCancelled else { return }
                let error = error as? LinkError ?? .closed(String(describing: error).escapedForDisplay())
                guard error.isWorthRetrying else { return ended(error.commandError.exitCode, error.reason) }
                guard await pause(error.reason) else { return }
            }
        }
    }

    /// - Returns: false where the worker ends instead.
    private func pause(_ reason: String) async -> Bool {
        guard let pause = connections.withLock({ $0.redial.nextPause(at: ProcessClock.seconds) }) else {
            ended(.temporary, "\(reason); gave up after \(Int(settings.patience)) s")
            return false
        }
        settings.logger.debug("will dial again: \(reason)")
        return (try? await Task.sleep(for: .seconds(pause))) != nil
    }

    func send(_ message: ControlMessage, on connection: ConnectionNumber) {
        // The dialler has said HELLO: it is the first frame of the connection.
        if case .hello = message { return }
        guard let control = connections.withLock({ $0.control }), control.number == connection else { return }
        post(message, on: control.link)
    }

    private func read(_ link: ControlLink) async {
        let (number, bulk) = connections.withLock { connections in
            connections.count += 1
            let number = ConnectionNumber(connections.count)
            connections.control = (number, link)
            connections.localAddress = link.localAddress ?? connections.localAddress
            defer { connections.bulk = nil }
            return (number, connections.bulk)
        }
        // Each control connection has its own: the coordinator may be another one.
        bulk?.close()
        events.post(.core(.connected(number)))
        var reason = "it closed the connection"
        do {
            try await link.run { frames in
                for try await frame in frames { try await self.read(frame, from: link, number) }
            }
        } catch LinkError.refused(let reason) {
            return ended(.refused, reason)
        } catch {
            reason = (error as? LinkError)?.reason ?? String(describing: error).escapedForDisplay()
        }
        connections.withLock { if $0.control?.number == number { $0.control = nil } }
        events.post(.core(.controlLost(number, reason: reason)))
    }

    private func read(_ frame: ControlFrame, from link: ControlLink, _ number: ConnectionNumber) async throws {
        let message = try frame.message()
        guard isCurrent(number) else { return }
        switch message {
        case .ping(let ping):
            heard.store(UInt64(ping.reportedStep) + 1, ordering: .relaxed)
            // The driver may be computing; a heartbeat only asks whether the loops live.
            let now = settings.status.now
            let waitingFor = await connections.withLock { $0.rails }?.waitingFor() ?? []
            post(
                .pong(Pong(nonce: ping.nonce, step: UInt32(now.step), stage: now.stage, waitingFor: waitingFor)),
                on: link)
            return
        case .welcome(let welcome):
            let isObeyed = connections.withLock { connections in
                connections.redial.succeeded()
                return welcome.incarnation >= connections.standing.incarnation
            }
            if isObeyed { keepBulk(of: number) }
        default: break
        }
        // What a ping has said is not forgotten before it is taken.
        _ = heard.compareExchange(expected: 0, desired: 1, ordering: .relaxed)
        events.post(.core(.message(number, message)))
    }

    private func post(_ message: ControlMessage, on link: ControlLink) {
        do throws(ControlMessageCoding.Fault) {
            try link.post(message)
        } catch {
            settings.logger.error("\(error.description)")
        }
    }
}
