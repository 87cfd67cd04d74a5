internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepWire
internal import Logging
internal import NIOCore
internal import Synchronization

/// The bulk connection to the coordinator. Each control connection has one, which is opened again where it is lost.
extension WorkerNetwork {
    /// What the driver wants from the coordinator and has not got yet.
    struct Fetching {
        let number: Int
        let want: Want
        var fetched: Fetched
    }

    /// One sequence of frames.
    struct Transmission: Sendable {
        let body: @Sendable () async -> Void
    }

    /// Asks the coordinator for what is wanted, in the place of what was wanted before; `bulkReady` with this number is posted when
    /// all of it is there.
    func fetch(_ want: Want, vectors: Int, number: Int) {
        let fetched = Fetched(want, vectors: vectors)
        guard !want.isEmpty else { return events.post(.bulkReady(number, fetched)) }
        stopFetching()
        connections.withLock { connections in
            connections.fetching = Fetching(number: number, want: want, fetched: fetched)
            connections.bulk?.post(want.frame)
        }
    }

    /// Nothing is wanted any more. What is still on its way goes down with its connection.
    func stopFetching() {
        connections.withLock { connections in
            guard connections.fetching != nil else { return }
            connections.fetching = nil
            connections.bulk?.close()
            connections.bulk = nil
        }
    }

    /// Whether nothing given to `sendBulk` is still on its way.
    var isBulkIdle: Bool { sending.load(ordering: .acquiring) == 0 }

    /// Sends frames after all that was given before, on the connection that is open now. Where it is lost the coordinator asks
    /// again.
    func sendBulk(_ frames: some Sequence<ControlFrame> & Sendable) {
        guard let bulk = connections.withLock({ $0.bulk }) else { return }
        sending.add(1, ordering: .relaxed)
        let send = Transmission { [settings] in
            do {
                // Each send waits until the system has taken it, so the coordinator's reading sets the pace.
                for frame in frames { try await bulk.send(frame) }
            } catch {
                settings.logger.debug("a share of the state did not go out: the bulk connection was lost")
            }
        }
        // It must go down where nobody takes it any more.
        if case .enqueued = transmissions.yield(send) { return }
        sending.subtract(1, ordering: .releasing)
    }

    /// Carries out what was given to `sendBulk`, one after the other, until the worker ends.
    func transmit() async {
        for await transmission in transmissionStream {
            await transmission.body()
            sending.subtract(1, ordering: .releasing)
        }
    }

    /// Sends what the tracer gives.
    ///
    /// - Returns: false where there is no connection.
    func sendSpan(_ line: ByteBuffer) async -> Bool {
        guard let bulk = connections.withLock({ $0.bulk }) else { return false }
        return (try? await bulk.send(ControlFrame(kind: .spans, payload: line))) != nil
    }

    /// Keeps a bulk connection open as long as this control connection is the newest one and open.
    func keepBulk(of control: ConnectionNumber) {
        tasks.add { [self] in
            let dialer = ControlDialer(group: controlGroup, contexts: contexts)
            var redial = Redial()
            while isCurrent(control), !Task.isCancelled {
                let start = ProcessClock.seconds
                do {
                    let hello = identity.hello(.bulk, connections.withLock { $0.standing })
                    let bulk = try await dialer.connect(to: settings.coordinator, hello: hello)
                    try await use(bulk, of: control)
                } catch LinkError.refused(let reason) {
                    return await refused(reason, control)
                } catch {
                    let error = error as? LinkError ?? .closed(String(describing: error).escapedForDisplay())
                    settings.logger.debug("the bulk connection was lost: \(error.reason)")
                }
                if ProcessClock.seconds - start > WorkerNetwork.longLife { redial.succeeded() }
                let pause = redial.nextPause(at: ProcessClock.seconds) ?? 1
                guard (try? await Task.sleep(for: .seconds(pause))) != nil else { return }
            }
        }
    }

    /// Returns only by throwing.
    private func use(_ bulk: ControlLink, of control: ConnectionNumber) async throws {
        let isWanted = connections.withLock { connections in
            guard connections.control?.number == control else { return false }
            connections.bulk = bulk
            if let fetching = connections.fetching {
                // From the beginning: what came before went down with another connection.
                connections.fetching?.fetched = Fetched(fetching.want, vectors: fetching.fetched.state.count)
                bulk.post(fetching.want.frame)
            }
            return true
        }
        guard isWanted else { throw LinkError.closed("the control connection is another one now") }
        let sink = settings.sinks?.insert(
            LogSink(level: .info) { line in
                let bytes = ByteBuffer(bytes: line.utf8.prefix(WorkerNetwork.longestLine))
                bulk.post(ControlFrame(kind: .log, payload: bytes))
            })
        defer {
            // Lines that come later have no connection to go by.
            if let sink { settings.sinks?.remove(sink) }
            connections.withLock { if $0.bulk === bulk { $0.bulk = nil } }
        }
        try await bulk.run { [self] frames in
            for try await frame in frames {
                if frame.header.kind == .message { try ended(by: try frame.message()) }
                if let (number, fetched) = try receive(frame, on: bulk) { events.post(.bulkReady(number, fetched)) }
            }
        }
        throw LinkError.closed("the coordinator closed it")
    }

    /// - Returns: what is wanted, where this was the last of it.
    private func receive(_ frame: ControlFrame, on bulk: ControlLink) throws -> (Int, Fetched)? {
        try connections.withLock { connections in
            guard connections.bulk === bulk, connections.fetching != nil else {
                throw LinkError.violation("the coordinator sent a \(frame.header.kind) frame that nobody asked for")
            }
            try connections.fetching?.fetched.receive(frame)
            guard let fetching = connections.fetching, fetching.fetched.isComplete else { return nil }
            connections.fetching = nil
            return (fetching.number, fetching.fetched)
        }
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

    /// The coordinator does not want this process, unless its control connection has gone too: then it is asked again.
    private func refused(_ reason: String, _ control: ConnectionNumber) async {
        guard (try? await Task.sleep(for: WorkerNetwork.bulkGrace)) != nil, isCurrent(control) else { return }
        events.post(.lost(CommandError(.refused, reason)))
    }

    /// So long the control connection may say why the bulk connection was refused.
    private static let bulkGrace = Duration.seconds(1)
    /// Seconds after which a connection that ends was a good one.
    private static let longLife = 10.0
    /// Bytes of a log line; the coordinator takes no more.
    private static let longestLine = 2000
}
