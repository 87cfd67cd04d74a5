internal import LockstepCore

/// What workers say while a generation works.
extension CoordinatorCore {
    mutating func handleMessage(
        _ connection: ConnectionNumber, _ message: ControlMessage, _ now: UInt64
    ) -> [CoordinatorAction] {
        guard let index = workers.firstIndex(where: { $0.connection == connection }) else { return [] }
        let actions = hear(index, now)
        switch message {
        case .prepared(let prepared): return actions + handlePrepared(index, prepared, now)
        case .unable(let unable): return actions + handleUnable(index, unable, now)
        case .pong(let pong): return actions + handlePong(index, pong, now)
        case .linked(let generation): return actions + handleLinked(index, generation, now)
        case .measured(let measured): return actions + handleMeasured(index, measured, now)
        case .leaving(let leaving): return actions + handleLeaving(index, leaving.reason, now)
        case .damage(let damage): return actions + [.damage(worker: workers[index].name, damage)]
        case .linkDown(let report): return actions + handleLinkDown(index, report, now)
        case .progress(let progress): return actions + handleProgress(index, progress, now)
        case .frozen(let frozen): return actions + handleFrozen(index, frozen, now)
        case .done(let done): return actions + handleDone(index, done, now)
        case .halted(let halted): return actions + handleHalted(index, halted, now)
        case .preflighted(let answer): return actions + handlePreflighted(index, answer, now)
        case .observing(let observing): return actions + handleObserving(index, observing, now)
        case .feedLost(let lost): return actions + handleFeedLost(index, lost, now)
        case .hello, .welcome, .refused, .start, .measure, .freeze, .plan, .fetch, .release, .ping, .feed, .preflight:
            return actions + expel(index, "sent \(message.type), which no worker says here", now)
        }
    }

    /// Whether something that a worker says is of the roster's generation; it has obeyed that START then.
    private mutating func isCurrent(_ index: Int, _ generation: UInt32) -> Bool {
        // An observer tells of generations that it had no part in.
        let isMember = isMember(workers[index])
        if isMember, generation <= greatestGeneration {
            workers[index].running = max(workers[index].running, generation)
        }
        return generation == roster?.generation && isMember
    }

    /// Whether turns are being made. What is told in a freeze was done before it.
    private var isWorking: Bool {
        switch mode {
        case .running, .planned: true
        default: false
        }
    }

    private mutating func handlePong(_ index: Int, _ pong: Pong, _ now: UInt64) -> [CoordinatorAction] {
        place(index, pong.stage, of: pong.step, now)
        workers[index].waitingFor = pong.waitingFor.prefix(configuration.laneCount)
            .filter { roster?.index(of: $0) != nil }
        if mode == .running, isMember(workers[index]) { pace.reach(pong.stage, of: pong.step, now) }
        return refuseClaims(to: index)
    }

    private mutating func handleLinked(_ index: Int, _ generation: UInt32, _ now: UInt64) -> [CoordinatorAction] {
        guard isCurrent(index, generation), !workers[index].isLinked else { return [] }
        workers[index].isLinked = true
        guard !isLinking, members.count == roster?.members.count else { return [] }
        if mode == .measuring || mode == .running { pace.begin(now) }
        return mode == .running ? sayIncident(now) : []
    }

    private mutating func handleProgress(
        _ index: Int, _ progress: Progress, _ now: UInt64
    ) -> [CoordinatorAction] {
        let isCurrent = isCurrent(index, progress.generation)
        let isNews = !progress.reports.isEmpty || !progress.evaluations.isEmpty
        // What is done is the same in all generations, and may be told late.
        guard isCurrent || isNews || !progress.agreed.isEmpty else { return [] }
        // It says only where it is when a link breaks; there is no step yet.
        guard trained != nil || !isNews else { return expel(index, "reported a step before the start", now) }
        if let objection = progress.reports.lazy.compactMap(\.objection).first {
            return expel(index, "reported a step with \(objection)", now)
        }
        if let objection = progress.evaluations.lazy.compactMap(\.objection).first {
            return expel(index, "reported a validation with \(objection)", now)
        }
        let source = Decision.Voucher.Source.process(voice(of: workers[index]))
        if let agreement = progress.agreement {
            add(Decision.Voucher(point: agreement.point, hash: agreement.hash, source: source))
        }
        for agreed in progress.agreed {
            add(Decision.Voucher(point: StatePoint(step: agreed.step), hash: agreed.hash, source: source))
        }
        if isCurrent {
            place(index, progress.stage, of: progress.step, now)
            speeds.note(workers[index].name, secondsPerLane: progress.secondsPerLane)
        }
        let news = takeReports(progress.reports, from: index)
        // What others had done before this generation was decided without them is being done again. One worker that tells of
        // a step far from all others moves nothing.
        for report in progress.reports where report.generation >= roster?.generation ?? 0 {
            furthestStep = max(furthestStep, min(report.step, lastReported))
        }
        if isCurrent, isWorking { notePace(progress, now) }
        return report(news, progress.evaluations) + mendReports() + agree(progress.agreed)
    }

    private mutating func notePace(_ progress: Progress, _ now: UInt64) {
        let most = configuration.timing.firstTurn
        if let report = progress.reports.last(where: { $0.generation == progress.generation }) {
            // After a fall back steps that were reported before are done again: each is a turn all the same.
            pace.complete(upTo: report.step, now, reckonedAtMost: most)
        } else if progress.reports.isEmpty, progress.stage.isAfterTurnWithoutStep {
            pace.complete(1, now, reckonedAtMost: most)
        }
    }

    /// A worker says where it is.
    private mutating func place(_ index: Int, _ stage: Stage, of step: UInt32, _ now: UInt64) {
        let known = workers[index]
        // The core that reports steps does not know when forward becomes backward; the heartbeat does.
        let isOlder = step == known.step && stage == .forward && known.stage == .backward
        if !isOlder { workers[index].stage = stage }
        workers[index].step = step
        if case .planned = mode, stopReason != nil, stage == .validation, isMember(known), let stopLimit {
            stopAt = min(stopLimit, now + configuration.timing.stop)
        }
    }

    private mutating func handleDone(_ index: Int, _ done: Done, _ now: UInt64) -> [CoordinatorAction] {
        guard isCurrent(index, done.generation) else { return [] }
        guard mode != .measuring else { return expel(index, "said DONE before the start", now) }
        guard done.lanesComputed >= 0, done.gradientBytesSent >= 0 else {
            return expel(index, "said DONE with a negative count", now)
        }
        self.done[workers[index].name] = done
        if isWorking { pace.complete(1, now, reckonedAtMost: configuration.timing.firstTurn) }
        workers[index].stage = .idle
        workers[index].step = done.step
        workers[index].toldStep = .max
        return mendReports() + collectIfDone(now)
    }
}
