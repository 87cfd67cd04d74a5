internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepWire
internal import Logging
internal import NIOCore
internal import Synchronization

/// A worker's connections: control and bulk to the coordinator, data links to the other members.
final class WorkerNetwork: Sendable {
    private struct Connections {
        var control: (number: ConnectionNumber, link: ControlLink)?
        var bulk: ControlLink?
        /// Of data links. It is open until the worker ends, whatever becomes of the bulk connection.
        var listener: SecureListener?
        var count = 0
        var redial: Redial
    }

    /// So long the control connection may say why the bulk connection ended: at the end of a run both close, and RELEASE
    /// may come by the slower one.
    private static let bulkGrace = Duration.seconds(1)

    let links: PeerLinks
    /// Takes the finished spans of a step.
    let spans = SpanSender()
    private let settings: WorkerSettings
    private let identity: WorkerIdentity
    private let contexts: TLSContexts
    private let controlGroup: any EventLoopGroup
    private let dataGroup: any EventLoopGroup
    private let events: Mailbox<WorkerDriver.Event>
    private let ended: @Sendable (ExitCode, String) -> Void
    private let connections: Mutex<Connections>
    private let heard = Atomic(false)
    /// Sequences of frames that are on their way on the bulk connection.
    private let sending = Atomic(0)
    private let tasks = TaskBag()

    init(
        settings: WorkerSettings, identity: WorkerIdentity, controlGroup: any EventLoopGroup,
        dataGroup: any EventLoopGroup, events: Mailbox<WorkerDriver.Event>,
        ended: @escaping @Sendable (ExitCode, String) -> Void
    ) throws {
        self.settings = settings
        self.identity = identity
        self.controlGroup = controlGroup
        self.dataGroup = dataGroup
        self.events = events
        self.ended = ended
        connections = Mutex(
            Connections(redial: Redial(start: ProcessClock.seconds, patience: settings.patience)))
        contexts = try TLSContexts(settings.identity)
        links = PeerLinks(loop: dataGroup.next(), identity: identity) { events.post($0) }
    }

    /// Ends all connections and tasks. Nothing is opened afterwards.
    func shutdown() async {
        await spans.drain(atMost: .milliseconds(500))
        tasks.cancelAll()
        links.close()
        connections.withLock { connections in
            connections.control?.link.close()
            connections.bulk?.close()
        }
        await tasks.waitForAll()
        guard let listener = connections.withLock({ $0.listener }) else { return }
        listener.initiateShutdown()
        await listener.waitUntilClosed()
    }

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

    /// Whether nothing given to `sendBulk` is still on its way.
    var isBulkIdle: Bool { sending.load(ordering: .acquiring) == 0 }

    func sendBulk(_ frames: some Sequence<ControlFrame> & Sendable) {
        sending.add(1, ordering: .relaxed)
        tasks.add { [self] in
            defer { sending.subtract(1, ordering: .releasing) }
            do {
                guard let bulk = connections.withLock({ $0.bulk }) else { throw LinkError.closed("it is not open") }
                // Each send waits until the system has taken it, so the coordinator's reading sets the pace.
                for frame in frames { try await bulk.send(frame) }
            } catch {
                await bulkLost(error)
            }
        }
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
        let waitingFor = await links.waitingFor()
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

    // MARK: The other members

    /// Opens the bulk connection and keeps it, and fetches what is wanted; then `bulkReady` is posted.
    func openBulk(_ want: Want, vectors: Int) {
        tasks.add { [self] in
            do {
                try await runBulk(want, vectors: vectors)
            } catch {
                await bulkLost(error)
            }
        }
    }

    /// Listens for data links and says to the core that the worker is prepared.
    func announce(_ preparation: WorkerPreparation) {
        tasks.add { [self] in
            guard let control = connections.withLock({ $0.control }) else { return }
            let listener: SecureListener
            do {
                listener = try await SecureListener.data(
                    at: settings.listen ?? Endpoint(host: control.link.localAddress.host, port: 0), on: dataGroup,
                    contexts: contexts, logger: settings.logger
                ) { [links] greeting, _ throws(LinkError) in try links.admit(greeting) }
            } catch {
                let error = error as? CommandError ?? .failed(String(describing: error).escapedForDisplay())
                events.post(.core(.unable(Unable(exitCode: error.exitCode, message: error.message))))
                return
            }
            connections.withLock { $0.listener = listener }
            var preparation = preparation
            let address = settings.advertise ?? listener.address
            preparation.host = address.host
            preparation.port = address.port
            events.post(.core(.prepared(preparation)))
        }
    }

    /// Returns only by throwing: the worker cannot do without the bulk connection.
    private func runBulk(_ want: Want, vectors: Int) async throws {
        let dialer = ControlDialer(group: controlGroup, contexts: contexts)
        let bulk = try await dialer.connect(to: settings.coordinator, hello: identity.hello(.bulk))
        connections.withLock { $0.bulk = bulk }
        let sink = settings.sinks?.insert(
            LogSink(level: .info) { line in
                let bytes = ByteBuffer(bytes: line.utf8.prefix(WorkerNetwork.longestLine))
                bulk.post(ControlFrame(kind: .log, payload: bytes))
            })
        // Lines that come later have no connection to go by.
        defer { if let sink { settings.sinks?.remove(sink) } }
        tasks.add { [spans] in await spans.run(on: bulk) }
        if want.isEmpty { events.post(.bulkReady(Fetched(want, vectors: vectors))) } else { bulk.post(want.frame) }
        try await bulk.run { [self] frames in
            var fetched = Fetched(want, vectors: vectors)
            for try await frame in frames {
                if frame.header.kind == .message { try ended(by: try frame.message()) }
                try fetched.receive(frame)
                guard fetched.isComplete else { continue }
                events.post(.bulkReady(fetched))
                fetched = Fetched(Want(), vectors: 0)
            }
        }
        throw LinkError.closed("the coordinator closed it")
    }

    /// What the coordinator says on a bulk connection is always an end.
    private func ended(by message: ControlMessage) throws {
        switch message {
        case .refused(let reason): throw LinkError.refused(reason.escapedForDisplay(limit: 1000))
        case .release(let release):
            let reason = release.reason.escapedForDisplay(limit: 1000)
            events.post(.lost(CommandError(release.exitCode, reason)))
            throw LinkError.closed(reason)
        default: throw LinkError.violation("the coordinator sent \(message.type) on it")
        }
    }

    /// Bytes of a log line; the coordinator takes no more.
    private static let longestLine = 2000

    /// Ends the worker, unless the control connection gives it a better reason first.
    private func bulkLost(_ error: any Error) async {
        let error = error as? LinkError ?? .closed(String(describing: error).escapedForDisplay())
        if case .refused(let reason) = error {
            events.post(.lost(CommandError(.refused, reason)))
            return
        }
        // Cancelled: the worker ends already.
        guard (try? await Task.sleep(for: WorkerNetwork.bulkGrace)) != nil else { return }
        events.post(.lost(CommandError(error.commandError.exitCode, "the bulk connection was lost: \(error.reason)")))
    }

    /// Dials a member.
    func link(from own: Roster.Member, to member: Roster.Member, generation: UInt32) {
        tasks.add { [self] in
            // On a machine with many workers all dial at once; who is late is dialled again while the core still waits.
            let deadline = ProcessClock.seconds + WorkerNetwork.linkingPatience
            let dialer = DataLinkDialer(group: dataGroup, contexts: contexts)
            let greeting = LinkGreeting(
                generation: generation, name: identity.name, process: identity.process, peerName: member.name,
                peerProcess: member.process)
            while !Task.isCancelled {
                do {
                    try await dialer.connect(
                        to: Endpoint(host: member.host, port: member.port), greeting: greeting
                    ) { answer in
                        answer.objection(own: own, peer: member, generation: generation)
                    } receiver: { [links] _ in
                        try links.receiver(of: member, generation: generation)
                    }
                    return
                } catch {
                    let failure = error as? LinkError
                    guard failure?.isWorthRetrying == true, ProcessClock.seconds < deadline else {
                        let reason = failure?.reason ?? String(describing: error).escapedForDisplay()
                        events.post(.core(.linkLost(peer: member.name, generation: generation, reason: reason)))
                        return
                    }
                    try? await Task.sleep(for: .milliseconds(200))
                }
            }
        }
    }

    /// Seconds in which an attempt to link may begin; the core gives up a little later (`WorkerCore.Timing`).
    private static let linkingPatience = 20.0
}
