internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepWire
internal import Logging
internal import NIOCore
internal import Synchronization

/// The bulk connection to the coordinator.
extension WorkerNetwork {
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

    /// Returns only by throwing: the worker cannot do without the bulk connection.
    private func runBulk(_ want: Want, vectors: Int) async throws {
        let bulk = try await dialBulk()
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

    /// Where many workers come at once, the coordinator may be slow to answer.
    private func dialBulk() async throws -> ControlLink {
        let dialer = ControlDialer(group: controlGroup, contexts: contexts)
        let deadline = ProcessClock.seconds + WorkerNetwork.bulkPatience
        while true {
            do {
                return try await dialer.connect(to: settings.coordinator, hello: identity.hello(.bulk))
            } catch let error as LinkError where error.isWorthRetrying && ProcessClock.seconds < deadline {
                settings.logger.debug("will dial the bulk connection again: \(error.reason)")
                try await Task.sleep(for: .milliseconds(200))
            }
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

    /// So long the control connection may say why the bulk connection ended: at the end of a run both close, and RELEASE
    /// may come by the slower one.
    private static let bulkGrace = Duration.seconds(1)
    /// Seconds in which an attempt to open it may begin.
    private static let bulkPatience = 30.0
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
}
