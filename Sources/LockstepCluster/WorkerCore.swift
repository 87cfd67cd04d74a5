package import LockstepCollectives
internal import LockstepCore

/// Everything a worker decides, as a value: events with the time in them in, actions out.
package struct WorkerCore: Sendable {
    package enum State: Sendable, Equatable {
        /// No WELCOME yet.
        case connecting
        case preparing
        /// Holds S(n*) and waits for START.
        case prepared
        /// Makes the links of a generation that measures, or carries out this trial.
        case measuring(number: Int)
        /// Has told what it measured; waits for the next trial, START or the end.
        case measured
        /// Preflight failed; waits for the end.
        case unable(Unable)
        case linking
        case computing(Turn)
        case exchanging(Turn)
        case updating(Turn)
        /// The last batch of a validation is summed.
        case judging(Turn)
        /// Promised to stand still: the computation ends.
        case parking
        /// Promised to stand still: the state is hashed.
        case freezing
        case frozen
        /// Applied nothing, and waits for the end.
        case halted
        /// All turns are over.
        case done
        case ended
    }

    /// Durations in nanoseconds.
    package struct Timing: Sendable {
        /// Reports of steps go out at most this often.
        package var progressInterval: UInt64 = 100_000_000
        /// From START until all links are there.
        package var linking: UInt64 = 25_000_000_000
        /// A coordinator that has said nothing for this long is lost. It pings every 2 s.
        package var silence: UInt64 = 30_000_000_000

        package init() {}
    }

    package let identity: WorkerIdentity
    package let timing: Timing
    package internal(set) var state = State.connecting
    /// The generation of the last START.
    package internal(set) var running: UInt32 = 0
    /// The greatest generation promised; never below `running`.
    package internal(set) var promised: UInt32 = 0
    package internal(set) var roster: Roster?
    /// The step whose state this worker holds.
    package internal(set) var step: UInt32 = 0
    package internal(set) var stage = Stage.idle

    /// The newest control connection.
    var connection: ConnectionNumber?
    var preparation: WorkerPreparation?
    /// The turns of the running generation.
    package internal(set) var schedule: TurnSchedule?
    /// The hash of S(step), where it is known.
    var stateHash: StateHash?
    /// The planned generation that was heard of, 0 for none.
    var flag: UInt32 = 0
    var missingLinks: [String] = []
    var reportedLinks: [String] = []
    var linkingUntil: UInt64?
    /// When the coordinator must have been heard again; nil before WELCOME.
    var heardUntil: UInt64?
    /// The summary of the turn that is being applied.
    var applying: RecordSummary?
    var reports: [StepReport] = []
    var evaluations: [EvaluationReport] = []
    var agreed: [AgreedState] = []
    var progressAt: UInt64 = 0
    /// The epoch of S(step), and the sums over its steps so far.
    package internal(set) var epoch: UInt32 = 0
    package internal(set) var lastEpoch: [Double] = []
    var evaluation: [Double]?
    /// The sums of the validation in progress.
    var validation: [Double] = []
    /// Whether S(step) has the judgement that belongs to it.
    var isJudged = true
    /// Whether training stops at S(step).
    var isStopping = false
    /// What the next decision turn says.
    var judgement: UInt64?
    /// The step whose validation is the best so far.
    var bestStep: UInt32?
    var snapshotEverySteps: UInt32 = 0
    /// A share was put aside; the next turn says whether all hold the same state.
    var copied: (step: UInt32, isBest: Bool)?
    var lanesComputed = 0
    var gradientBytesSent = 0
    var frozen: Frozen?
    /// The trial in hand, or the last one, of a generation that measures.
    var trial: Measure?

    package init(_ identity: WorkerIdentity, timing: Timing = Timing()) {
        self.identity = identity
        self.timing = timing
    }

    /// When the next `tick` is wanted; nil for none.
    package var nextDeadline: UInt64? {
        guard state != .ended else { return nil }
        return [heardUntil, linkingUntil, hasNews ? progressAt : nil].compactMap { $0 }.min()
    }

    /// - Parameter now: nanoseconds of a clock that never goes back.
    package mutating func handle(_ event: WorkerEvent, at now: UInt64) -> [WorkerAction] {
        guard state != .ended else { return [] }
        switch event {
        case .connected(let connection):
            if let newest = self.connection, newest > connection { return [] }
            self.connection = connection
            return send(.hello(identity.hello(.control, running: running, promised: promised)))
        case .message(let connection, let message):
            guard connection == self.connection else { return [] }
            hear(now)
            return handleMessage(message, now)
        case .heard:
            hear(now)
            return []
        case .controlLost(let connection, let reason):
            return connection == self.connection ? handleControlLost(reason) : []
        case .prepared(let preparation):
            guard state == .preparing else { return [] }
            return handlePrepared(preparation)
        case .unable(let unable):
            guard state == .preparing else { return [] }
            state = .unable(unable)
            return send(.unable(unable))
        case .linked(let peer, let generation):
            return handleLinked(peer, generation, now)
        case .linkLost(let peer, let generation, let reason):
            return handleLinkLost(peer, generation, reason)
        case .measured(let measured):
            return handleMeasured(measured)
        case .computed(let turn):
            guard state == .computing(turn) else { return [] }
            return record(turn)
        case .turnFinished(let turn, let summary, let gradientIsFinite, let gradientBytesSent):
            guard state == .exchanging(turn) else { return [] }
            self.gradientBytesSent += gradientBytesSent
            return handleFinished(turn, summary, gradientIsFinite: gradientIsFinite, now)
        case .updated(let report):
            guard case .updating(let turn) = state, turn.step == report.step else { return [] }
            return handleUpdated(turn, report, now)
        case .judged(let isStopping, let snapshots, let watchHash):
            guard case .judging(let turn) = state else { return [] }
            return handleJudged(turn, isStopping: isStopping, snapshots: snapshots, watchHash, now)
        case .parked:
            guard state == .parking else { return [] }
            state = .freezing
            return [.hashState]
        case .stateHashed(let hash):
            guard state == .freezing else { return [] }
            let frozen = Frozen(generation: promised, step: step, hash: hash, isBest: isBest)
            self.frozen = frozen
            stateHash = hash
            state = .frozen
            stage = .idle
            return send(.frozen(frozen))
        case .failed(let reason):
            return isWorking ? halt(.other(reason), now) : []
        case .tick:
            return handleTick(now)
        }
    }

    // MARK: Common

    /// From the message that begins a generation until all links are there.
    var linkingTime: UInt64 { timing.linking + (roster.map { $0.linkingAllowance(links: $0.exchange.links) } ?? 0) }

    private mutating func hear(_ now: UInt64) {
        if heardUntil != nil { heardUntil = now + timing.silence }
    }

    func send(_ message: ControlMessage) -> [WorkerAction] { connection.map { [.send($0, message)] } ?? [] }

    /// Whether turns of a generation are going on.
    var isWorking: Bool {
        switch state {
        case .measuring, .measured, .linking, .computing, .exchanging, .updating, .judging: true
        default: false
        }
    }

    mutating func exit(_ exitCode: ExitCode, _ reason: String) -> [WorkerAction] {
        // Who could not take part says so with its own exit code, whatever became of the run.
        let own: Unable? = if case .unable(let unable) = state { unable } else { nil }
        state = .ended
        return [.exit(own?.exitCode ?? exitCode, reason: own?.message ?? reason)]
    }

    /// Where work is going on, for messages.
    package var currentStep: UInt32 {
        switch state {
        case .computing(let turn), .exchanging(let turn), .updating(let turn): turn.hasGradients ? turn.step : step
        default: step
        }
    }

    mutating func halt(_ cause: HaltCause, _ now: UInt64) -> [WorkerAction] {
        let halted = Halted(generation: running, step: currentStep, cause: cause)
        let actions = flushReports(now)
        state = .halted
        return actions + send(.halted(halted))
    }

    /// Whether the validation of S(step) is the best so far.
    var isBest: Bool { bestStep == step && isJudged }

    /// Whether something was done that is not reported yet.
    var hasNews: Bool { !reports.isEmpty || !evaluations.isEmpty || !agreed.isEmpty }

    /// Where it is, with all that is not reported yet.
    mutating func takeProgress() -> Progress {
        let progress = Progress(
            generation: running, step: currentStep, stage: stage, reports: reports, evaluations: evaluations,
            agreed: agreed)
        reports = []
        evaluations = []
        agreed = []
        return progress
    }

    /// Sends what is not reported yet.
    mutating func flushReports(_ now: UInt64, evenIfNone: Bool = false) -> [WorkerAction] {
        guard evenIfNone || hasNews else { return [] }
        let progress = takeProgress()
        progressAt = now + timing.progressInterval
        return send(.progress(progress))
    }

    private mutating func handleControlLost(_ reason: String) -> [WorkerAction] {
        connection = nil
        if state == .connecting { return [.dialAgain(reason: reason)] }
        return exit(.temporary, "the coordinator was lost: \(reason.escapedForDisplay())")
    }

    private mutating func handlePrepared(_ preparation: WorkerPreparation) -> [WorkerAction] {
        self.preparation = preparation
        step = preparation.step
        stateHash = preparation.stateHash
        isStopping = preparation.isStopped
        bestStep = preparation.isBest ? preparation.step : nil
        epoch = preparation.epoch
        lastEpoch = preparation.epochSums
        state = .prepared
        stage = .idle
        return send(
            .prepared(
                Prepared(
                    planDigest: preparation.planDigest, step: preparation.step, stateHash: preparation.stateHash,
                    host: preparation.host, ports: preparation.ports)))
    }

    private mutating func handleTick(_ now: UInt64) -> [WorkerAction] {
        if let heardUntil, now >= heardUntil {
            let seconds = timing.silence / 1_000_000_000
            return exit(.temporary, "the coordinator has not been heard for \(seconds) s")
        }
        var actions: [WorkerAction] = []
        if hasNews, now >= progressAt { actions += flushReports(now) }
        if let linkingUntil, now >= linkingUntil {
            self.linkingUntil = nil
            let seconds = linkingTime / 1_000_000_000
            for peer in missingLinks { actions += handleLinkLost(peer, running, "no link after \(seconds) s") }
        }
        return actions
    }
}
