internal import LockstepCollectives
package import LockstepCore

/// Everything the coordinator decides, as a value: events with the time in them in, actions out.
///
/// gathering (workers say HELLO and prepare) → [measuring] → running → collecting → writing → ended. A failure leads from
/// running to freezing and back, a planned change over planned to freezing; who is left without enough workers, or without
/// a state, pauses. A coordinator that takes over a run begins with recovering. What is decided goes into `journal` before
/// the actions that tell of it are returned; they are carried out when it is on disk. Exactly one `finish` or `fail` is the
/// outcome; after it only HELLOs are answered.
package struct CoordinatorCore: Sendable {
    package enum Mode: Sendable, Equatable {
        case gathering
        /// The journal has a roster: its members may be working.
        case recovering
        case measuring
        /// A generation works; its links may still be made.
        case running
        case planned(generation: UInt32)
        case freezing(generation: UInt32)
        /// All stand still in this generation, and it is not decided: somebody or something is missing.
        case paused(generation: UInt32)
        case collecting(step: UInt32, hash: StateHash)
        case writing(step: UInt32, hash: StateHash)
        case ended
    }

    package let configuration: CoordinatorConfiguration
    package internal(set) var mode = Mode.gathering
    /// Of the generation that works, or did last.
    package internal(set) var roster: Roster?
    package internal(set) var journal: [JournalRecord]
    /// Of the protocol; tests break them.
    package var rules = ProtocolRules()

    /// In order of arrival.
    var workers: [Worker] = []
    var absent: [Absent] = []
    var claims: [Claim] = []
    /// Names under which nobody comes any more, and why.
    package internal(set) var quarantined: [(name: String, reason: String)] = []
    var denied: [String] = []
    /// What every worker must have; nil before the first.
    var planDigest: String?
    var probe: StateHash?
    /// S(0), once a worker has made it.
    var initial: Holding?
    /// Workers that left before the start, and members that were lost after it.
    var departures = 0
    var failures = 0
    /// Of the failure in hand.
    var evidence: Evidence?
    /// Times in a row that no member could take the state that a generation starts from.
    var fruitlessLevellings = 0
    /// When a failure that ends the run is judged.
    var judgeAt: UInt64?
    /// Of all of the run's rosters that trained, the last one; and how gradients travel in them.
    var trained: Roster?
    var exchange: ExchangeSettings?
    /// What each root of a worker adds to its step; 0 where that is not known.
    var secondsPerRoot = 0.0
    /// How far the run has come since it last began with an older state.
    var furthestStep: UInt32 = 0
    /// Whether a generation has begun here.
    var hasBegun = false
    /// By when all must stand still, or the members of the last roster be here.
    var deadline: UInt64?
    /// In a freeze: until then joiners that are wanted are waited for.
    var joinersUntil: UInt64?
    /// Who was given up in a freeze, and in which: where its answer comes all the same, the deadline was too short.
    var unanswered: [ProcessNumber: UInt32] = [:]
    /// The run had not been working before this freeze: whoever is here is taken in.
    var admitsAll = false
    /// By when someone must have come who holds the state, since it is missed; and whether that is waited for.
    var holderWait: UInt64?
    var isWaiting = false
    /// What the shell offers to those that hold nothing; `isAsking` until it has said.
    var offered: Holding?
    var isAsking = false
    package internal(set) var pauseReason: String?
    /// The first wish to join or leave that was not yet heeded.
    var changeWantedAt: UInt64?
    /// Why and by when to stop.
    var stopReason: String?
    var stopAt: UInt64?
    /// A wish to stop that came when all steps were done, or a loss was about to be judged: a run that completes all
    /// the same has not been stopped.
    var lateStopReason: String?
    /// What each worker said at the end.
    var done: [String: Done] = [:]
    /// Who sends which share of the state of the end.
    var collection: [CoordinatorAction.StateShare] = []
    var fruitlessCollections = 0
    var pace = Pace()
    var patience: Patience
    var pingAt: UInt64?
    var nextNonce: UInt64 = 1
    package internal(set) var lastReported: UInt32
    /// Of steps behind one that is missing.
    var early = EarlyReports()
    /// The step of the last validation that was reported.
    var lastEvaluated: UInt32
    var lanesComputed: [String: Int] = [:]
    var speeds = LaneSpeeds()
    /// Hashes that are journaled, and those that workers reported to have agreed on.
    var vouchers: [Decision.Voucher] = []
    /// What processes that have gone since held when they stood still; until the next generation begins.
    var departedVouchers: [Decision.Voucher] = []
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
    var laneAuditing = LaneAuditing()
    package internal(set) var incidentCount = 0
    package internal(set) var generationCount = 0
    /// The greatest generation in the journal, any HELLO or decision.
    var greatestGeneration: UInt32
    private(set) var lastEventAt: UInt64?

    package init(_ configuration: CoordinatorConfiguration) {
        self.configuration = configuration
        journal = [.incarnation(configuration.incarnation)]
        let history = configuration.history
        greatestGeneration = max(configuration.greatestGeneration, history.greatestGeneration)
        snapshots = SnapshotQueue(configuration)
        lastReported = max(configuration.welcome.reportedStep, configuration.start?.step ?? 0)
        lastEvaluated = lastReported
        probe = history.probe
        trained = history.rosters.last { $0.wholeHash != nil }
        patience = Patience(factor: trained?.patience ?? 1, reported: lastReported)
        recall(history)
        furthestStep = max(trained?.start.step ?? 0, history.hasFallenBack ? 0 : lastReported)
        if let trained, history.lastVerdict == nil, !history.isFinal {
            roster = trained
            exchange = trained.exchange
            mode = .recovering
            // Whether that step's validation was told is nowhere on disk: better twice than not at all.
            lastEvaluated = lastReported - min(1, lastReported)
        }
    }

    /// - Parameter now: nanoseconds of a clock that never goes back.
    package mutating func handle(_ event: CoordinatorEvent, at now: UInt64) -> [CoordinatorAction] {
        excuseOwnAbsence(now)
        if mode == .ended { return handleAfterEnd(event) }
        if mode == .recovering, deadline == nil { deadline = now + configuration.timing.recovery }
        let actions = dispatch(event, now)
        return actions + (mode == .ended ? [] : tendObservers(now) + noticeChanges(now))
    }

    private mutating func dispatch(_ event: CoordinatorEvent, _ now: UInt64) -> [CoordinatorAction] {
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
        case .drainRequested(let name):
            guard let index = workers.firstIndex(where: { $0.name == name }) else { return [] }
            return handleLeaving(index, "someone asked it to leave", now)
        case .quarantined(let name, let reason):
            return handleQuarantined(name, reason, now)
        case .denied(let certificates):
            denied = certificates
            return []
        case .revoked(let connection):
            return handleRevoked(connection, now)
        case .stateOffered(let holding):
            return handleOffer(holding, now)
        case .nothingToOffer(let reason):
            return handleNothingToOffer(reason, now)
        case .streamed(let name):
            if let index = workers.firstIndex(where: { $0.name == name }) { workers[index].preparingSince = now }
            return []
        case .shareReceived(let name, let step):
            guard case .collecting(step, _) = mode else { return [] }
            pace.shareCame(from: name, now)
            return []
        case .stateCollected(let step): return handleCollected(step)
        case .stateInvalid(let step, let reason): return handleInvalid(step, reason, now)
        case .snapshotWritten(let step, let digest): return handleWritten(step, digest)
        case .snapshotFailed(let step, let reason): return handleWriteFailed(step, reason)
        case .tick:
            return handleTick(now)
        }
    }

    /// The worker whose current bulk connection this is; nil where frames on it belong to nobody.
    package func bulkOwner(of connection: ConnectionNumber) -> String? {
        workers.first { $0.bulk == connection }?.name
    }

    // MARK: Generations

    /// Numbers from here on are nobody's: half of all are left for decisions, more than any run makes.
    static let claimableGenerations: UInt32 = 1 << 31

    mutating func noteGenerations(of hello: Hello) {
        greatestGeneration = max(greatestGeneration, hello.running, hello.promised)
    }

    /// A number that nobody has used. It is journaled before anyone hears of it.
    mutating func newGeneration() -> UInt32 {
        greatestGeneration += 1
        journal.append(.generation(greatestGeneration))
        return greatestGeneration
    }

    /// A coordinator that was itself stopped for a while (a debugger, Ctrl-Z) has heard nobody; that is not their fault.
    private mutating func excuseOwnAbsence(_ now: UInt64) {
        if let lastEventAt, !workers.isEmpty, now > lastEventAt + 2 * configuration.timing.pingInterval {
            let absence = now - lastEventAt
            for index in workers.indices {
                workers[index].lastHeard = now
                workers[index].observation.excuse(absence)
            }
            pace.excuse(absence)
            deadline = deadline.map { $0 + absence }
            holderWait = holderWait.map { $0 + absence }
            joinersUntil = joinersUntil.map { $0 + absence }
        }
        lastEventAt = now
    }
}
