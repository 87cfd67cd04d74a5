internal import LockstepCore

/// A generation works, stops, and hands its state over.
extension CoordinatorCore {
    mutating func handleMessage(
        _ connection: ConnectionNumber, _ message: ControlMessage, _ now: UInt64
    ) -> [CoordinatorAction] {
        guard let index = workers.firstIndex(where: { $0.connection == connection }) else { return [] }
        workers[index].lastHeard = now
        switch message {
        case .prepared(let prepared): return handlePrepared(index, prepared, now)
        case .unable(let unable):
            guard mode == .gathering else { return expel(index, "said UNABLE after the start", now) }
            let name = workers[index].name
            // A run that fails says so, whatever the worker would end with.
            let exitCode: ExitCode =
                switch unable.exitCode {
                case .usage, .failed, .refused, .temporary: unable.exitCode
                case .success, .verification, .interrupted: .failed
                }
            let cause = unable.message.escapedForDisplay(limit: 1000)
            return fail(
                Verdict(
                    worker: name, stage: .preparing, cause: cause,
                    message: "worker \(name.escapedForDisplay()): \(cause)", exitCode: exitCode))
        case .pong(let pong):
            place(index, pong.stage, of: pong.step, now)
            workers[index].waitingFor = pong.waitingFor.prefix(configuration.workers)
                .filter { roster?.index(of: $0) != nil }
            if mode == .running { pace.reach(pong.stage, of: pong.step, now) }
            return []
        case .linked(let generation):
            guard generation == roster?.generation else { return [] }
            guard !workers[index].isLinked, mode == .linking || mode == .measuring else { return [] }
            workers[index].isLinked = true
            guard workers.allSatisfy(\.isLinked) else { return [] }
            if mode == .linking { mode = .running }
            pace.begin(now)
            return []
        case .measured(let measured):
            return handleMeasured(index, measured, now)
        case .linkDown(let report):
            guard report.generation == roster?.generation else { return [] }
            return handleLinkDown(index, report, now)
        case .progress(let progress):
            guard progress.generation == roster?.generation else { return [] }
            // It says only where it is when a link breaks; there is no step yet.
            guard mode != .measuring || (progress.reports.isEmpty && progress.evaluations.isEmpty) else {
                return expel(index, "reported a step before the start", now)
            }
            return handleProgress(index, progress, now)
        case .frozen(let frozen):
            guard case .planned(frozen.generation) = mode else { return [] }
            workers[index].frozen = frozen
            workers[index].stage = .idle
            return collectIfStill(now)
        case .done(let done):
            guard done.generation == roster?.generation else { return [] }
            guard mode != .measuring else { return expel(index, "said DONE before the start", now) }
            guard done.lanesComputed >= 0, done.gradientBytesSent >= 0 else {
                return expel(index, "said DONE with a negative count", now)
            }
            self.done[workers[index].name] = done
            pace.complete(now)
            workers[index].stage = .idle
            workers[index].step = done.step
            return collectIfStill(now)
        case .halted(let halted):
            guard halted.generation == roster?.generation else { return [] }
            // A loss that is known already came first, and everybody else follows from it.
            return losses.isEmpty ? fail(verdict(on: halted)) : []
        case .hello, .welcome, .refused, .start, .measure, .freeze, .plan, .fetch, .release, .ping:
            return expel(index, "sent \(message.type), which no worker says here", now)
        }
    }

    private mutating func handleProgress(
        _ index: Int, _ progress: Progress, _ now: UInt64
    ) -> [CoordinatorAction] {
        if let objection = progress.reports.lazy.compactMap(\.objection).first {
            return expel(index, "reported a step with \(objection)", now)
        }
        if let objection = progress.evaluations.lazy.compactMap(\.objection).first {
            return expel(index, "reported a validation with \(objection)", now)
        }
        place(index, progress.stage, of: progress.step, now)
        // Every worker reports every step, so that none is missing when a worker is lost.
        let news = progress.reports.filter { report in
            guard lastReported < UInt32.max, report.step == lastReported + 1 else { return false }
            lastReported += 1
            return true
        }
        // A turn that is no training step is reported without a step.
        if !news.isEmpty || progress.reports.isEmpty { pace.complete(now) }
        return report(news[...], progress.evaluations) + agree(progress.agreed)
    }

    /// Steps and validations in the order in which they happened.
    private mutating func report(
        _ steps: ArraySlice<StepReport>, _ evaluations: [EvaluationReport]
    ) -> [CoordinatorAction] {
        var steps = steps
        var actions: [CoordinatorAction] = []
        // Who reports a validation has reported its step.
        for evaluation in evaluations where evaluation.step > lastEvaluated && evaluation.step <= lastReported {
            lastEvaluated = evaluation.step
            let before = steps.prefix { $0.step <= evaluation.step }
            if !before.isEmpty { actions.append(.report(Array(before))) }
            steps = steps.dropFirst(before.count)
            actions.append(.evaluated(evaluation))
        }
        return steps.isEmpty ? actions : actions + [.report(Array(steps))]
    }

    private mutating func agree(_ states: [AgreedState]) -> [CoordinatorAction] {
        var actions: [CoordinatorAction] = []
        for state in states where state.step <= lastReported { actions += snapshots.agree(state) }
        return actions
    }

    /// A worker says where it is.
    private mutating func place(_ index: Int, _ stage: Stage, of step: UInt32, _ now: UInt64) {
        let known = workers[index]
        // The core that reports steps does not know when forward becomes backward; the heartbeat does.
        let isOlder = step == known.step && stage == .forward && known.stage == .backward
        if !isOlder { workers[index].stage = stage }
        workers[index].step = step
        if case .planned = mode, stage == .validation, let stopLimit {
            stopAt = min(stopLimit, now + configuration.timing.stop)
        }
    }

    /// Collects the state when all workers stand still with the same one.
    private mutating func collectIfStill(_ now: UInt64) -> [CoordinatorAction] {
        guard let roster, losses.isEmpty, lostLinks.isEmpty else { return [] }
        var states: [AgreedState]
        let ends = workers.compactMap { worker in
            done[worker.name].map { AgreedState(step: $0.step, hash: $0.hash, isBest: $0.isBest) }
        }
        switch mode {
        case .linking, .running: states = ends
        case .planned:
            states = ends
            if states.count == roster.members.count {
                // The plan came after the last turn and stopped nobody: the run is complete.
                lateStopReason = stopReason
                stopReason = nil
            } else {
                states = workers.compactMap(\.frozen).map {
                    AgreedState(step: $0.step, hash: $0.hash, isBest: $0.isBest)
                }
            }
        default: return []
        }
        guard states.count == roster.members.count, let first = states.first else { return [] }
        guard states.allSatisfy({ $0 == first }) else {
            let list = zip(workers, states)
                .map { worker, state in "\(worker.name.escapedForDisplay()) at step \(state.step) with \(state.hash)" }
                .joined(separator: ", ")
            let cause = "the workers ended with different states: \(list)"
            return fail(Verdict(stage: .snapshot, step: first.step, cause: cause, message: cause))
        }
        mode = .collecting(step: first.step, hash: first.hash)
        endsWithBest = first.isBest
        pace.begin(now)
        if stopReason != nil { stopAt = now + configuration.timing.stopCollection }
        if lateStopReason != nil { stopAt = now + configuration.timing.stop }
        let shares = shares
        // The shell hears of it before the first share can come.
        var actions: [CoordinatorAction] = [.collectState(step: first.step, shares: shares)]
        for share in shares {
            guard let worker = workers.first(where: { $0.name == share.name }) else { continue }
            let fetch = Fetch(step: first.step, share: share.index, count: share.count)
            actions.append(.send(worker.connection, .fetch(fetch)))
        }
        return actions
    }

    private func verdict(on halted: Halted) -> Verdict {
        let step = halted.step
        switch halted.cause {
        case .lossNotFinite(let lane):
            let cause = "the loss of lane \(lane) is not finite"
            return Verdict(
                stage: .controlRecord, step: step, lane: lane, cause: cause,
                message: "\(cause) in step \(step); nothing was applied; try a smaller learning rate")
        case .gradientNotFinite:
            let cause = "the summed gradient is not finite"
            return Verdict(
                stage: .update, step: step, cause: cause,
                message: "\(cause) in step \(step); nothing was applied; try a smaller learning rate")
        case .hashesDiffer(let hashes):
            let list = hashes.map { "\($0.name.escapedForDisplay()) \($0.hash)" }.joined(separator: ", ")
            let cause = "the workers' states differ: \(list)"
            return Verdict(
                worker: Self.minority(hashes.map { ($0.name, $0.hash) }), stage: .controlRecord, step: step,
                cause: cause,
                message: "\(cause); found in step \(step), of which nothing was applied")
        case .judgementsDiffer(let judgements):
            let list = judgements.map { "\($0.name.escapedForDisplay()) \(ProcessNumber($0.judgement))" }
                .joined(separator: ", ")
            let cause = "the workers judged the validation differently: \(list)"
            return Verdict(
                worker: Self.minority(judgements.map { ($0.name, $0.judgement) }), stage: .controlRecord, step: step,
                cause: cause, message: "\(cause); found after step \(step)")
        case .other(let text):
            let cause = text.escapedForDisplay()
            if mode == .measuring { return Verdict(stage: .measuring, cause: cause, message: "measuring: \(cause)") }
            return Verdict(step: step, cause: cause, message: "step \(step): \(cause)")
        }
    }

    /// The one worker whose value differs while all others agree, where there are at least two others.
    private static func minority(_ values: [(name: String, value: some Equatable)]) -> String? {
        guard values.count > 2 else { return nil }
        return values.first { candidate in
            let others = values.filter { $0.name != candidate.name }.map(\.value)
            return others.allSatisfy { $0 == others.first } && others.first != candidate.value
        }?.name
    }

    // MARK: Stopping

    mutating func handleStop(_ reason: String, _ now: UInt64) -> [CoordinatorAction] {
        guard stopReason == nil, lateStopReason == nil else { return [] }
        if judgeAt != nil {
            // What ended the worker may be what asks for the end now.
            lateStopReason = reason
            return []
        }
        switch mode {
        case .gathering, .measuring, .linking:
            stopReason = reason
            return finish(snapshotStep: nil, hash: nil)
        case .running:
            let generation = newGeneration()
            stopReason = reason
            mode = .planned(generation: generation)
            stopAt = now + configuration.timing.stop
            stopLimit = now + configuration.timing.stopInValidation
            // A worker may be done while others are not; they learn of the plan from their own message.
            return workers.map { .send($0.connection, .plan(generation: generation)) }
        case .planned, .writing, .ended: return []
        case .collecting:
            // The run is complete but for its snapshot, which is worth a moment.
            lateStopReason = reason
            stopAt = now + configuration.timing.stop
            return []
        }
    }
}
