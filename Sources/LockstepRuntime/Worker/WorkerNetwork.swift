internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepWire
internal import Logging
internal import NIOCore
internal import Synchronization

/// A worker's connections: control and bulk to the coordinator, data links to the other members.
final class WorkerNetwork: Sendable {
    struct Connections {
        var control: (number: ConnectionNumber, link: ControlLink)?
        var bulk: ControlLink?
        /// Data links and their listeners, which are there until the worker ends.
        var rails: RailGroup?
        /// The dialling of the members of a generation.
        var linking: Task<Void, Never>?
        var count = 0
        var redial: Redial
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
    private let heard = Atomic(false)
    /// Sequences of frames that are on their way on the bulk connection.
    let sending = Atomic(0)
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

    /// Ends the event loops of data links; after `shutdown`, and when nobody else uses them any more.
    func endLoops() async { await connections.withLock { $0.rails }?.endLoops() }

    // MARK: The coordinator

    /// Connects to the coordinator, again and again while patience lasts.
    func dial() {
        tasks.add { [self] in await dialUntilConnected() }
    }

    /// Connects again after a connection that ended before WELCOME: after the next pause, while patience lasts.
    func dialAgain(reason: String) {
        tasks.add { [self] in if await pause(reason) { await dialUntilConnected() } }
    }

    /// Whether the coordinator was heard since the last call.
    func takeHeard() -> Bool { heard.exchange(false, ordering: .relaxed) }

    private func dialUntilConnected() async {
        let dialer = ControlDialer(group: controlGroup, contexts: contexts)
        while !Task.isCancelled {
            do {
                let link = try await dialer.connect(to: settings.coordinator, hello: identity.hello(.control))
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
        let number = connections.withLock { connections in
            connections.count += 1
            let number = ConnectionNumber(connections.count)
            connections.control = (number, link)
            return number
        }
        events.post(.core(.connected(number)))
        do {
            try await link.run { frames in
                for try await frame in frames { try await self.read(frame, from: link, number) }
            }
            events.post(.core(.controlLost(number, reason: "it closed the connection")))
        } catch LinkError.refused(let reason) {
            ended(.refused, reason)
        } catch {
            let reason = (error as? LinkError)?.reason ?? String(describing: error).escapedForDisplay()
            events.post(.core(.controlLost(number, reason: reason)))
        }
    }

    private func read(_ frame: ControlFrame, from link: ControlLink, _ number: ConnectionNumber) async throws {
        let message = try frame.message()
        heard.store(true, ordering: .relaxed)
        guard case .ping(let nonce) = message else {
            events.post(.core(.message(number, message)))
            return
        }
        // The driver may be computing; a heartbeat only asks whether the loops live.
        let now = settings.status.now
        let waitingFor = await connections.withLock { $0.rails }?.waitingFor() ?? []
        post(
            .pong(Pong(nonce: nonce, step: UInt32(now.step), stage: now.stage, waitingFor: waitingFor)), on: link)
    }

    private func post(_ message: ControlMessage, on link: ControlLink) {
        do throws(ControlMessageCoding.Fault) {
            try link.post(message)
        } catch {
            settings.logger.error("\(error.description)")
        }
    }
}
