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
        var count = 0
    }

    let links: PeerLinks
    private let settings: WorkerSettings
    private let identity: WorkerIdentity
    private let contexts: TLSContexts
    private let controlGroup: any EventLoopGroup
    private let dataGroup: any EventLoopGroup
    private let events: Mailbox<WorkerDriver.Event>
    private let ended: @Sendable (ExitCode, String) -> Void
    private let connections = Mutex(Connections())
    private let tasks = TaskBag()
    private let startedAt = ProcessClock.seconds

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
        contexts = try TLSContexts(settings.identity)
        links = PeerLinks(loop: dataGroup.next(), identity: identity) { events.post($0) }
    }

    /// Ends all connections and tasks.
    func shutdown() async {
        tasks.cancelAll()
        links.close()
        connections.withLock { connections in
            connections.control?.link.close()
            connections.bulk?.close()
        }
        await tasks.waitForAll()
    }

    // MARK: The coordinator

    /// Connects to the coordinator, again and again while patience lasts.
    func dial() {
        tasks.add { [self] in
            var pause = 0.1
            while !Task.isCancelled {
                do {
                    try await connectAndRead()
                    return
                } catch let error as LinkError where error.isWorthRetrying {
                    guard ProcessClock.seconds - startedAt + pause < settings.patience else {
                        ended(.temporary, "\(error.reason); gave up after \(Int(settings.patience)) s")
                        return
                    }
                    settings.logger.debug("will dial again: \(error.reason)")
                } catch let error as LinkError {
                    ended(error.commandError.exitCode, error.reason)
                    return
                } catch {
                    return
                }
                try? await Task.sleep(for: .seconds(pause))
                pause = min(pause * 2, 2)
            }
        }
    }

    func send(_ message: ControlMessage, on connection: ConnectionNumber) {
        // The dialler has said HELLO: it is the first frame of the connection.
        if case .hello = message { return }
        guard let control = connections.withLock({ $0.control }), control.number == connection else { return }
        post(message, on: control.link)
    }

    func sendBulk(_ frames: [ControlFrame]) {
        guard let bulk = connections.withLock({ $0.bulk }) else { return }
        tasks.add {
            // Each send waits until the system has taken it, so the coordinator's reading sets the pace.
            for frame in frames {
                guard (try? await bulk.send(frame)) != nil else { return }
            }
        }
    }

    private func connectAndRead() async throws {
        let dialer = ControlDialer(group: controlGroup, contexts: contexts)
        let link = try await dialer.connect(to: settings.coordinator, hello: identity.hello(.control))
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
        } catch let error as LinkError {
            if case .refused(let reason) = error {
                ended(.refused, reason)
            } else {
                events.post(.core(.controlLost(number, reason: error.reason)))
            }
        }
    }

    private func read(_ frame: ControlFrame, from link: ControlLink, _ number: ConnectionNumber) async throws {
        let message = try frame.message()
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

    /// Listens for data links and opens the bulk connection; then the worker is prepared.
    func prepare(_ preparation: WorkerPreparation) {
        tasks.add { [self] in
            do {
                guard let control = connections.withLock({ $0.control }) else { return }
                let listener = try await SecureListener.data(
                    at: settings.listen ?? Endpoint(host: control.link.localAddress.host, port: 0), on: dataGroup,
                    contexts: contexts, logger: settings.logger
                ) { [links] greeting, _ throws(LinkError) in try links.admit(greeting) }
                do {
                    try await runBulk(preparation, address: settings.advertise ?? listener.address)
                } catch {
                    let reason = (error as? LinkError)?.reason ?? String(describing: error).escapedForDisplay()
                    events.post(.core(.unable(Unable(exitCode: .failed, message: reason))))
                }
                listener.initiateShutdown()
                await listener.waitUntilClosed()
            } catch {
                let error = error as? CommandError ?? .failed(String(describing: error).escapedForDisplay())
                events.post(.core(.unable(Unable(exitCode: error.exitCode, message: error.message))))
            }
        }
    }

    /// - Parameter address: what other workers dial.
    private func runBulk(_ preparation: WorkerPreparation, address: Endpoint) async throws {
        let dialer = ControlDialer(group: controlGroup, contexts: contexts)
        let bulk = try await dialer.connect(to: settings.coordinator, hello: identity.hello(.bulk))
        connections.withLock { $0.bulk = bulk }
        // Its own lines about a broken bulk connection would follow it into the void, no further.
        settings.sinks?.add(
            LogSink(level: .info) { line in
                bulk.post(ControlFrame(kind: .log, payload: ByteBuffer(string: String(line.prefix(2000)))))
            })
        var preparation = preparation
        preparation.host = address.host
        preparation.port = address.port
        events.post(.core(.prepared(preparation)))
        try await bulk.run { frames in
            for try await _ in frames {}
        }
    }

    /// Dials a member.
    func link(from own: Roster.Member, to member: Roster.Member, generation: UInt32) {
        tasks.add { [self] in
            let dialer = DataLinkDialer(group: dataGroup, contexts: contexts)
            let greeting = LinkGreeting(
                generation: generation, name: identity.name, process: identity.process, peerName: member.name,
                peerProcess: member.process)
            do {
                try await dialer.connect(
                    to: Endpoint(host: member.host, port: member.port), greeting: greeting
                ) { answer in
                    answer.objection(own: own, peer: member, generation: generation)
                } receiver: { [links] _ in
                    links.receiver(of: member, generation: generation)
                }
            } catch {
                let reason = (error as? LinkError)?.reason ?? String(describing: error).escapedForDisplay()
                events.post(.core(.linkLost(peer: member.name, generation: generation, reason: reason)))
            }
        }
    }
}
