package import LockstepCollectives
internal import LockstepCore

/// Everything a worker decides, as a value: events with the time in them in, actions out.
///
/// Its table of states and events is in `docs/protocol.md`. What it holds never goes back but by a copy, and it promises
/// a generation once: after FROZEN(g) nothing of a generation below g is begun.
package struct WorkerCore: Sendable {
    package let identity: WorkerIdentity
    package let timing: Timing
    /// The protocol's, but in tests of those who must notice that it is broken.
    package var rules = ProtocolRules()
    package internal(set) var state = State.connecting
    /// The generation of the last START.
    package internal(set) var running: UInt32 = 0
    /// The greatest generation promised; never below `running`.
    package internal(set) var promised: UInt32 = 0
    /// Of the last generation that was entered.
    package internal(set) var roster: Roster?
    package internal(set) var stage = Stage.idle

    // MARK: The coordinator

    /// The newest control connection, while it is open.
    var connection: ConnectionNumber?
    /// The newest that there ever was.
    var newest: ConnectionNumber?
    /// Whether WELCOME has come on it. Nothing is said before.
    var isWelcome = false
    /// The run, and the greatest incarnation of its coordinators that was heard.
    var run: String?
    var incarnation: UInt32 = 0
    /// When the connection is given up unless something is heard on it.
    var silentAt: UInt64?
    /// Connections that were given up for silence since the last generation began.
    var silences = 0
    /// When the worker gives the coordinator up; nil before the first WELCOME.
    var patienceUntil: UInt64?
    /// Why this process was asked to end.
    var leaving: Leaving?

    // MARK: The state

    var preparation: WorkerPreparation?
    /// The state that this worker has: S(`step`), and whether it has the judgement that belongs to it.
    package internal(set) var step: UInt32 = 0
    package internal(set) var isJudged = true
    /// Its hashes, where they were taken of it whole; nil from the first update on.
    var holding: Holding?
    /// Its hash, where a control record has told that all have the same.
    var agreedHash: StateHash?
    /// Whether the record of the turn in hand has its hash. Who is alone has nobody to compare it with, and needs it only where
    /// an observer or a snapshot waits for it, or for the end.
    var isHashed = false
    /// What a control record has said of it, and of which state.
    var lastHash: (point: StatePoint, hash: StateHash)?
    /// The epoch of S(step), and the sums over its steps so far.
    package internal(set) var epoch: UInt32 = 0
    package internal(set) var lastEpoch: [Double] = []
    /// The sum of the hashes of all samples of that epoch so far, modulo 2⁶⁴.
    package internal(set) var epochSampleSum: UInt64 = 0
    /// Whether training stops at S(step).
    var isStopping = false
    /// The step whose validation is the best so far.
    var bestStep: UInt32?
    /// Whether a roster has said that it is not the run's. It counts for nothing until another one has taken its place.
    var isDistrusted = false
    /// The newest control record that agreed.
    var agreement: Frozen.Agreement?

    // MARK: The generation

    /// Its turns. Final when the first of them begins: a state that is copied may have been stopped early.
    package internal(set) var schedule: TurnSchedule?
    /// The planned generation that was heard of, 0 for none.
    var flag: UInt32 = 0
    var missingLinks: [String] = []
    /// Members whose links are lost. They are dialled once more before this worker says that it stands still.
    var lostLinks: [String] = []
    /// What was said of them.
    var linksDown: [LinkDown] = []
    var linkingUntil: UInt64?
    var isLinked = false
    /// Whether nothing computes, and no links of the generation are open.
    var isParked = true
    /// The trial in hand, or the last one, of a generation that measures, and what was measured.
    var trial: Measure?
    var measured: Measured?
    /// The audit of the training turn in hand; nil where it has none.
    package internal(set) var laneAudit: LaneAudit?
    /// What that audit found, while the own voice is not there yet.
    var laneDifference: LaneDifference?
    /// The summary of the turn that is being applied.
    var applying: RecordSummary?
    var evaluation: [Double]?
    /// The sums of the validation in progress.
    var validation: [Double] = []
    /// What the next decision turn says.
    var judgement: UInt64?
    var snapshotEverySteps: UInt32 = 0
    /// A share was put aside; the next turn says whether all hold the same state.
    var copied: (step: UInt32, isBest: Bool)?
    /// The hashes of a control record that disagreed.
    var seen: Frozen.Disagreement?
    /// How it ended, as it was said.
    var halted: Halted?
    var done: Done?

    // MARK: The freeze

    /// How long members may be dialled once more.
    var reachLimit = Freeze(generation: 0).reachLimit
    var outOfReach: [String] = []
    /// The answer to the last freeze, while this worker stands still for it.
    var frozen: Frozen?

    // MARK: Feeds

    /// Processes that this one feeds.
    var observers: Set<ProcessNumber> = []
    /// The generation of the preflight that is not answered yet.
    var preflightGeneration: UInt32?
    /// What feeds this process, which is no member.
    var feed: ObservedFeed?
    /// What the shell is taking in.
    var taking: TakenItem?
    /// How long this worker waits for its source to stand still.
    var drainingUntil: UInt64?
    /// Whose feed made the own state; nil once a turn has shown that it is the others'.
    var fedBy: ProcessNumber?
    /// The generation of the feed whose copy the own state goes back to. Who knows of a distrust in that generation or an
    /// earlier one knows that it is not of this state.
    var copiedIn: UInt32?
    /// Whether something else than its source's copy has told that the own state is the run's.
    var isConfirmed = true

    // MARK: Reports

    var unreported = UnreportedWork()
    var agreed: [AgreedState] = []
    var progressAt: UInt64 = 0
    var laneClock = LaneClock()
    var lanesComputed = 0
    var gradientBytesSent = 0

    package init(_ identity: WorkerIdentity, timing: Timing = Timing()) {
        self.identity = identity
        self.timing = timing
    }

    /// What the next HELLO says.
    package var standing: WorkerStanding {
        var standing = WorkerStanding()
        standing.running = running
        standing.promised = promised
        standing.incarnation = incarnation
        standing.isPrepared = preparation != nil
        return standing
    }

    package var point: StatePoint { StatePoint(step: step, isJudged: isJudged) }

    /// When the next `tick` is wanted; nil for none.
    package var nextDeadline: UInt64? {
        guard state != .ended else { return nil }
        let progress = isWelcome && hasNews && reportsAtOnce ? progressAt : nil
        let draining = taking == nil ? drainingUntil : nil
        return [patienceUntil, silentAt, linkingUntil, draining, progress].compactMap { $0 }.min()
    }

    /// - Parameter now: nanoseconds of a clock that never goes back.
    package mutating func handle(_ event: WorkerEvent, at now: UInt64) -> [WorkerAction] {
        switch (state, event) {
        case (.ended, _): []
        case (_, .connected(let connection)): handleConnected(connection, now)
        case (_, .message(let connection, let message)):
            connection == self.connection ? handleMessage(message, now) : []
        case (_, .controlLost(let connection, let reason)):
            connection == self.connection ? handleControlLost(reason) : []
        case (_, .heard(let reportedStep)): handleHeard(reportedStep, now)
        case (_, .leaveRequested(let reason)): handleLeaveRequested(reason)
        case (_, .damaged(let damage)): send(.damage(damage))
        case (_, .tick): handleTick(now)

        case (.preparing, .prepared(let preparation)): handlePrepared(preparation, now)
        case (.preparing, .unable(let unable)): handleUnable(unable)
        case (_, .linked(let peer, let generation)): handleLinked(peer, generation, now)
        case (_, .linkLost(let peer, let generation, let reason)): handleLinkLost(peer, generation, reason, now)
        case (_, .measured(let measured)): handleMeasured(measured)
        case (.levelling, .levelled(let state)): handleLevelled(state, now)
        // It was there before the copying was dropped.
        case (.parking, .levelled(let state)): takeOver(state)
        case (.levelling, .levellingFailed(let peer, let reason)): handleLevellingFailed(peer, reason, now)

        case (.computing(let turn), .computed(let own)) where own == turn: record(turn)
        case (.exchanging(let turn), .recorded(let own, let hash)) where own == turn: handleRecorded(hash)
        case (.exchanging(let turn), .turnFinished(let own, let summary, let isFinite, let bytesSent)) where own == turn:
            handleFinished(turn, summary, gradientIsFinite: isFinite, gradientBytesSent: bytesSent, now)
        case (.auditing(let turn), .laneAudited(let own, let hash)) where own == turn: handleLaneAudited(hash, now)
        case (.updating(let turn), .updated(let report)) where report.step == turn.step:
            handleUpdated(turn, report, now)
        case (.judging(let turn), .judged(let isStopping, let snapshots, let watchHash)):
            handleJudged(turn, isStopping: isStopping, snapshots: snapshots, watchHash, now)

        case (_, .preflighted(let generation, let outOfReach)): handlePreflighted(generation, outOfReach)
        case (_, .feedLost(let lost)): handleFeedLost(lost)
        case (_, .feedOpened(let feed, let source, let process, let generation)):
            handleFeedOpened(feed, source, process, generation, now)
        case (_, .fed(let feed, let item)): handleFed(feed, item, now)
        case (_, .fedTaken(let feed, let outcome, let waiting)): handleTaken(feed, outcome, waiting: waiting, now)
        case (_, .feedClosed(let feed, let reason)): handleFeedClosed(feed, reason, now)

        case (.parking, .parked(let waitingFor)): handleParked(waitingFor: waitingFor)
        case (.reaching, .reached(let outOfReach)): handleReached(outOfReach)
        case (.freezing, .stateHashed(let hash, let wholeHash)): handleStateHashed(hash, wholeHash)
        case (_, .failed(let reason)): isWorking ? halt(.other(reason), now) : []
        case (_, .prepared), (_, .unable), (_, .levelled), (_, .levellingFailed), (_, .computed), (_, .recorded),
            (_, .turnFinished), (_, .laneAudited), (_, .updated), (_, .judged), (_, .parked), (_, .reached),
            (_, .stateHashed):
            []
        }
    }

    // MARK: Common

    /// On the connection to the coordinator, where there is one. What must not be lost is said again after WELCOME.
    func send(_ message: ControlMessage) -> [WorkerAction] {
        guard isWelcome, let connection else { return [] }
        return [.send(connection, message)]
    }

    /// Where work is going on, for messages.
    package var currentStep: UInt32 {
        switch state {
        case .computing(let turn), .exchanging(let turn), .auditing(let turn), .updating(let turn):
            turn.hasGradients ? turn.step : step
        default: step
        }
    }

    /// Whether the validation of S(step) is the best so far.
    var isBest: Bool { bestStep == step && isJudged }

    mutating func halt(_ cause: HaltCause, _ now: UInt64) -> [WorkerAction] {
        let halted = Halted(generation: running, step: currentStep, cause: cause)
        self.halted = halted
        linkingUntil = nil
        let actions = flushReports(now)
        state = .halted
        return actions + send(.halted(halted))
    }

    mutating func exit(_ exitCode: ExitCode, _ reason: String) -> [WorkerAction] {
        // Who could not take part says so with its own exit code, whatever became of the run.
        let own: Unable? = if case .unable(let unable) = state { unable } else { nil }
        state = .ended
        return [.exit(own?.exitCode ?? exitCode, reason: own?.message ?? reason)]
    }
}
