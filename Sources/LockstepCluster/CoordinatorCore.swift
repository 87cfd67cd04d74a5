package import LockstepCore

/// Everything the coordinator decides, as a value: events with the time in them in, actions out.
///
/// gathering (workers say HELLO and prepare) → linking → running → [planned: a stop was asked for] → collecting →
/// writing → ended. Exactly one `finish` or `fail` is the outcome; after it only HELLOs are answered.
package struct CoordinatorCore: Sendable {
    package enum Mode: Sendable, Equatable {
        case gathering
        case linking
        case running
        case planned(generation: UInt32)
        case collecting(step: UInt32, hash: StateHash)
        case writing(step: UInt32, hash: StateHash)
        case ended
    }

    /// A worker that said HELLO on a connection which is still open.
    struct Worker: Sendable {
        let name: String
        let process: ProcessNumber
        let host: String
        let processIdentifier: Int32
        var connection: ConnectionNumber
        var bulk: ConnectionNumber?
        var lastHeard: UInt64
        var stage: Stage = .preparing
        var step: UInt32 = 0
        var prepared: Prepared?
        var isLinked = false
        var frozen: Frozen?
    }

    /// Evidence that a worker is gone.
    struct Loss: Sendable {
        let name: String
        let processIdentifier: Int32
        let stage: Stage
        let step: UInt32
        var cause: String
    }

    /// Evidence that a link is gone.
    struct LostLink: Sendable {
        let reporter: String
        let peer: String
        let reason: String
    }

    package let configuration: CoordinatorConfiguration
    package internal(set) var mode = Mode.gathering
    package internal(set) var roster: Roster?
    package internal(set) var journal: [JournalRecord]

    var workers: [Worker] = []
    var losses: [Loss] = []
    var lostLinks: [LostLink] = []
    /// When the evidence is judged.
    var judgeAt: UInt64?
    /// Why and by when to stop.
    var stopReason: String?
    var stopAt: UInt64?
    /// A wish to stop that came when all steps were done: only the snapshot is given up for it.
    var lateStopReason: String?
    /// What each worker said at the end.
    var done: [String: Done] = [:]
    var pingAt: UInt64?
    var nextNonce: UInt64 = 1
    var lastReported: UInt32 = 0
    /// What a worker is told that says HELLO after the end.
    var parting: Release?
    /// The greatest generation in any HELLO or decision.
    private var greatestGeneration: UInt32 = 0
    private var lastEventAt: UInt64?

    package init(_ configuration: CoordinatorConfiguration) {
        self.configuration = configuration
        journal = [.incarnation(configuration.welcome.incarnation)]
    }

    /// When the next `tick` is wanted, in the same nanoseconds as `now`; nil for none.
    package var nextDeadline: UInt64? {
        guard mode != .ended else { return nil }
        let silence = workers.map { $0.lastHeard + configuration.timing.silence }.min()
        return [judgeAt, stopAt, pingAt, silence].compactMap { $0 }.min()
    }

    /// - Parameter now: nanoseconds of a clock that never goes back.
    package mutating func handle(_ event: CoordinatorEvent, at now: UInt64) -> [CoordinatorAction] {
        excuseOwnAbsence(now)
        if mode == .ended { return handleAfterEnd(event) }
        switch event {
        case .helloReceived(let connection, let name, let hello):
            return handleHello(connection, authenticatedName: name, hello, now)
        case .message(let connection, let message):
            return handleMessage(connection, message, now)
        case .closed(let connection, let reason):
            return handleClosed(connection, reason, now)
        case .processEnded(let name, let processIdentifier, let description):
            return handleProcessEnded(name, processIdentifier, description, now)
        case .stopRequested(let reason):
            return handleStop(reason, now)
        case .stateCollected(let step):
            guard case .collecting(step, let hash) = mode else { return [] }
            mode = .writing(step: step, hash: hash)
            // The state is here; whom we lose now is not missed.
            losses = []
            lostLinks = []
            judgeAt = nil
            stopAt = nil
            return [.writeSnapshot(step: step, hash: hash)]
        case .stateInvalid(let reason):
            guard case .collecting(let step, _) = mode else { return [] }
            return fail(
                Verdict(
                    stage: .snapshot, step: step, cause: reason,
                    message:
                        "the state after step \(step) that the workers sent is not the one they agreed on: \(reason)"
                ))
        case .snapshotWritten(let step):
            guard case .writing(step, let hash) = mode else { return [] }
            journal.append(.final(step: step, hash: hash))
            return finish(snapshotStep: step, hash: hash)
        case .snapshotFailed(let reason):
            guard case .writing(let step, _) = mode else { return [] }
            return fail(
                Verdict(
                    stage: .snapshot, step: step, cause: reason,
                    message: "the snapshot of step \(step) could not be written: \(reason)"))
        case .tick:
            return handleTick(now)
        }
    }

    // MARK: Generations

    mutating func noteGeneration(_ generation: UInt32) { greatestGeneration = max(greatestGeneration, generation) }

    /// A number that nobody has used, or nil when a peer has claimed the greatest one.
    mutating func newGeneration() -> UInt32? {
        guard greatestGeneration < UInt32.max else { return nil }
        greatestGeneration += 1
        journal.append(.generation(greatestGeneration))
        return greatestGeneration
    }

    // MARK: Ends

    /// The run is over, with all steps done or stopped. Everybody is released.
    mutating func finish(snapshotStep: UInt32?, hash: StateHash?) -> [CoordinatorAction] {
        let exitCode: ExitCode = stopReason == nil ? .success : .temporary
        let members = (roster?.members ?? []).map { member in
            RunResult.MemberResult(name: member.name, lanes: member.lanes, done: done[member.name])
        }
        let result = RunResult(
            outcome: stopReason.map { .stopped(reason: $0) } ?? .completed, snapshotStep: snapshotStep, hash: hash,
            members: members, exitCode: exitCode)
        let reason = stopReason.map { "the run was stopped: \($0)" } ?? "the run is finished"
        return end(Release(reason: reason, exitCode: exitCode)) + [.finish(result)]
    }

    mutating func fail(_ verdict: Verdict) -> [CoordinatorAction] {
        journal.append(.verdict(verdict))
        return end(Release(reason: verdict.message, exitCode: .failed)) + [.fail(verdict)]
    }

    private mutating func end(_ release: Release) -> [CoordinatorAction] {
        mode = .ended
        parting = release
        return workers.map { .send($0.connection, .release(release)) }
    }

    private func handleAfterEnd(_ event: CoordinatorEvent) -> [CoordinatorAction] {
        guard case .helloReceived(let connection, _, _) = event, let parting else { return [] }
        return [.send(connection, .release(parting))]
    }

    /// A coordinator that was itself stopped for a while (a debugger, Ctrl-Z) has heard nobody; that is not their fault.
    private mutating func excuseOwnAbsence(_ now: UInt64) {
        if let lastEventAt, !workers.isEmpty, now > lastEventAt + 2 * configuration.timing.pingInterval {
            for index in workers.indices { workers[index].lastHeard = now }
        }
        lastEventAt = now
    }
}
