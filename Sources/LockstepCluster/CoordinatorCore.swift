package import LockstepCore

/// Everything the coordinator decides, as a value: events with the time in them in, actions out.
///
/// gathering (workers say HELLO and prepare) → [measuring] → linking → running → [planned: a stop was asked for] → collecting →
/// writing → ended. Exactly one `finish` or `fail` is the outcome; after it only HELLOs are answered.
package struct CoordinatorCore: Sendable {
    package enum Mode: Sendable, Equatable {
        case gathering
        case measuring
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
        let threads: Int
        /// That its process may use, and whether they are its own.
        let cores: Int
        let hasOwnCores: Bool
        var connection: ConnectionNumber
        var bulk: ConnectionNumber?
        /// Its HELLO, or the last bytes that it was sent since.
        var preparingSince: UInt64
        var lastHeard: UInt64
        var stage: Stage = .preparing
        var step: UInt32 = 0
        var prepared: Prepared?
        var isLinked = false
        var frozen: Frozen?
        /// The members that its current turn waits for, as it said last.
        var waitingFor: [String] = []

        /// Whether the generation can begin with it: prepared, and with a way for its share of the state.
        var isReady: Bool { prepared != nil && bulk != nil }
    }

    /// Evidence that a worker is gone.
    struct Loss: Sendable {
        let name: String
        let processIdentifier: Int32
        let stage: Stage
        let step: UInt32
        var cause: String
        /// The coordinator gave it up; how its process ends then is no better evidence.
        let isSettled: Bool
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
    /// Control connections of lost workers that may still listen: they hear how the run ends.
    var abandoned: [ConnectionNumber] = []
    /// Workers that left before the start.
    var departures = 0
    var losses: [Loss] = []
    var lostLinks: [LostLink] = []
    /// When the evidence is judged.
    var judgeAt: UInt64?
    /// Why and by when to stop.
    var stopReason: String?
    var stopAt: UInt64?
    /// A wish to stop that came when all steps were done, or a loss was about to be judged: a run that completes all
    /// the same has not been stopped.
    var lateStopReason: String?
    /// What each worker said at the end.
    var done: [String: Done] = [:]
    var pace = Pace()
    var pingAt: UInt64?
    var nextNonce: UInt64 = 1
    var lastReported: UInt32 = 0
    /// The step of the last validation that was reported.
    var lastEvaluated: UInt32 = 0
    var snapshots: SnapshotQueue
    /// The trials before the start.
    var measuring: Measuring?
    /// Whether the state of the end is the best, and whether it is being written.
    var endsWithBest = false
    var isWritingLast = false
    /// A stop waits for a validation until then at most.
    var stopLimit: UInt64?
    /// What a worker is told that says HELLO after the end.
    var parting: Release?
    /// The greatest generation in any HELLO or decision.
    private var greatestGeneration: UInt32
    private var lastEventAt: UInt64?

    package init(_ configuration: CoordinatorConfiguration) {
        self.configuration = configuration
        journal = [.incarnation(configuration.incarnation)]
        greatestGeneration = configuration.greatestGeneration
        snapshots = SnapshotQueue(configuration)
    }

    /// When the next `tick` is wanted, in the same nanoseconds as `now`; nil for none.
    package var nextDeadline: UInt64? {
        guard mode != .ended else { return nil }
        let silence = workers.map { $0.lastHeard + configuration.timing.silence }.min()
        return [judgeAt, stopAt, pingAt, silence, standstillAt].compactMap { $0 }.min()
    }

    /// The worker whose current bulk connection this is; nil where frames on it belong to nobody.
    package func bulkOwner(of connection: ConnectionNumber) -> String? {
        workers.first { $0.bulk == connection }?.name
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
        case .streamed(let name):
            guard mode == .gathering, let index = workers.firstIndex(where: { $0.name == name }) else { return [] }
            workers[index].preparingSince = now
            return []
        case .shareReceived(let name, let step):
            guard case .collecting(step, _) = mode else { return [] }
            pace.shareCame(from: name, now)
            return []
        case .stateCollected(let step): return handleCollected(step)
        case .stateInvalid(let step, let reason): return handleInvalid(step, reason)
        case .snapshotWritten(let step, let digest): return handleWritten(step, digest)
        case .snapshotFailed(let step, let reason): return handleWriteFailed(step, reason)
        case .tick:
            return handleTick(now)
        }
    }

    // MARK: Generations

    /// Numbers from here on are nobody's: half of all are left for decisions, more than any run makes.
    static let claimableGenerations: UInt32 = 1 << 31

    mutating func noteGenerations(of hello: Hello) {
        greatestGeneration = max(greatestGeneration, hello.running, hello.promised)
    }

    /// A number that nobody has used.
    mutating func newGeneration() -> UInt32 {
        greatestGeneration += 1
        journal.append(.generation(greatestGeneration))
        return greatestGeneration
    }

    // MARK: Ends

    /// The run is over, with all steps done or stopped. Everybody is released.
    mutating func finish(snapshotStep: UInt32?, hash: StateHash?, hasMeasured: Bool = false) -> [CoordinatorAction] {
        let exitCode: ExitCode = stopReason == nil ? .success : .temporary
        let members = (roster?.members ?? []).map { member in
            RunResult.MemberResult(name: member.name, lanes: member.lanes, done: done[member.name])
        }
        let result = RunResult(
            outcome: stopReason.map { .stopped(reason: $0) } ?? (hasMeasured ? .measured : .completed),
            snapshotStep: snapshotStep, hash: hash,
            members: members, exitCode: exitCode)
        let reason =
            stopReason.map { "the run was stopped: \($0)" } ?? (hasMeasured ? "all is measured" : "the run is finished")
        return end(Release(reason: reason, exitCode: exitCode)) + [.finish(result)]
    }

    mutating func fail(_ verdict: Verdict) -> [CoordinatorAction] {
        journal.append(.verdict(verdict))
        return end(Release(reason: verdict.message, exitCode: .failed)) + [.fail(verdict)]
    }

    private mutating func end(_ release: Release) -> [CoordinatorAction] {
        mode = .ended
        parting = release
        return (workers.map(\.connection) + abandoned).map { .send($0, .release(release)) }
    }

    private mutating func handleAfterEnd(_ event: CoordinatorEvent) -> [CoordinatorAction] {
        if case .snapshotWritten(let step, let digest) = event { return handleWritten(step, digest) }
        guard case .helloReceived(let connection, _, _) = event, let parting else { return [] }
        return [.send(connection, .release(parting))]
    }

    /// A coordinator that was itself stopped for a while (a debugger, Ctrl-Z) has heard nobody; that is not their fault.
    private mutating func excuseOwnAbsence(_ now: UInt64) {
        if let lastEventAt, !workers.isEmpty, now > lastEventAt + 2 * configuration.timing.pingInterval {
            for index in workers.indices { workers[index].lastHeard = now }
            pace.excuse(now - lastEventAt)
        }
        lastEventAt = now
    }
}
