internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepJobs
internal import LockstepModels

/// The turns of a generation.
extension WorkerDriver {
    func begin(_ turn: Turn, isStopping: Bool) -> WorkerEvent? {
        turnStart = ProcessClock.now
        flushSpan()
        if starting != nil, let failure = beginWork() { return failure }
        guard let work, let state, let exchange else { return .failed(reason: "no generation is in hand") }
        if feeds != nil { feedState() }
        broken = turn.phase == .train ? turn : nil
        if isStopping { work.stopsEarly(after: turn) }
        if turn.phase == .evaluation, turn.step == 1 { spans?.beginEvaluation(at: turnStart) }
        if turn.phase == .validation, work.schedule.batch(ofValidation: turn) == 1 {
            spans?.beginEvaluation(at: turnStart)
        }
        let step = turn.phase == .train ? Int(turn.step) : Int(core.step)
        #if LOCKSTEP_FAILPOINTS
        if turn.phase == .train { flipParameter(before: turn.step) }
        let pass = passer(step: turn.step)
        #endif
        self.isStopping = isStopping
        exchange.begin(turn)
        do {
            try work.compute(
                turn, state: state, audit: core.laneAudit,
                bucketCompleted: { bucket in
                    #if LOCKSTEP_FAILPOINTS
                    pass(.backward)
                    #endif
                    exchange.bucketReady(bucket, in: turn)
                }
            ) { [settings] stage in
                settings.status.update {
                    $0.step = step
                    $0.stage = stage
                }
                #if LOCKSTEP_FAILPOINTS
                if stage == .load { pass(.load) }
                if stage == .forward { pass(.forward) }
                #endif
            }
        } catch {
            return failed(error)
        }
        // A turn without a batch has nothing to compute; its record follows by itself.
        return turn.hasBatch ? .computed(turn) : nil
    }

    func record(_ turn: Turn, askedGeneration: UInt32, judgement: UInt64?, hashesState: Bool) -> WorkerEvent? {
        guard let work, let state, let exchange else { return .failed(reason: "no generation is in hand") }
        #if LOCKSTEP_FAILPOINTS
        pass(.record, step: turn.step)
        #endif
        let record = work.record(
            state: state, askedGeneration: askedGeneration, judgement: judgement, hashesState: hashesState)
        isStateHashed = hashesState
        exchange.complete(turn, record, isStopping: isStopping)
        #if LOCKSTEP_FAILPOINTS
        pass(.allReduce, step: turn.step)
        #endif
        return .recorded(turn, hashesState ? record.stateHash : nil)
    }

    /// An exchange has finished a turn.
    func exchanged(_ end: RunningExchange.End) -> WorkerEvent? {
        if let trial, trial.exchange.number == end.exchange { return trial.finishRound().map { .measured($0) } }
        guard let work, let exchange, exchange.number == end.exchange else { return nil }
        let turn = end.turn
        lastMember = end.lastMember.map { work.roster.members[$0].name }
        if turn.phase == .evaluation && work.schedule.isLast(turn) || work.schedule.isLastOfValidation(turn) {
            spans?.endEvaluation(at: ProcessClock.now)
        }
        do {
            // The records of a turn become one summary, the same in every worker.
            let summary = try RecordSummary(
                records: end.records, tree: work.plan.tree, sumCount: work.plan.sumCount)
            return .turnFinished(
                turn, summary, gradientIsFinite: !turn.hasGradients || end.isFinite ?? work.totalIsFinite,
                gradientBytesSent: end.gradientBytes)
        } catch {
            return .failed(reason: error.description)
        }
    }

    func apply(_ turn: Turn, _ summary: RecordSummary) -> WorkerEvent? {
        guard let job, let work, let state, let exchange else { return .failed(reason: "no generation is in hand") }
        let exchanged = ProcessClock.now
        broken = nil
        #if LOCKSTEP_FAILPOINTS
        pass(.update, step: turn.step)
        #endif
        work.apply(turn, summary, plateauFactor: watched.plateauFactor, to: state)
        let end = ProcessClock.now
        if feeds != nil { feedStep(turn, summary, seconds: Double(end - turnStart) / 1e9) }
        done = StepSpans.Step(
            turn: turn, epoch: job.order.epoch(ofStep: Int(turn.step)), times: work.times, start: turnStart,
            exchanged: exchanged, updated: end, end: end, snapshot: nil, waitedFor: lastMember, buckets: exchange.times)
        return .updated(
            work.report(
                turn, summary, plateauFactor: watched.plateauFactor, seconds: Double(end - turnStart) / 1e9))
    }

    /// Judges S(step) by its validation; the same in every worker, for all that it depends on is state.
    func judge(_ sums: [Double], step: UInt32) -> WorkerEvent? {
        guard let job, let state, let watch = job.watch else { return .failed(reason: "nothing is watched") }
        guard let measures = job.measures(of: sums) else { return .failed(reason: "a validation without samples") }
        let outcome = watched.observe(watch, loss: measures.loss, metrics: measures.metrics, step: Int(step))
        if outcome.isImproved { state.keepBest() }
        // The best is what training ends with, whether it ends early or not.
        if outcome.stops || step == UInt32(job.stepCount) { state.restoreBest() }
        if feeds != nil { feedJudgement(sums, step: step, watchHash: watched.hash) }
        return .judged(
            isStopping: outcome.stops, snapshots: outcome.isBest && job.snapshots.best != nil, watchHash: watched.hash)
    }

    func park() -> WorkerEvent {
        #if LOCKSTEP_FAILPOINTS
        pass(.freezing, step: core.step)
        #endif
        let waitedFor = endGeneration()
        flushSpan()
        if let broken { spans?.recordBrokenStep(broken, start: turnStart, end: ProcessClock.now, reason: "parked") }
        broken = nil
        return .parked(waitingFor: waitedFor)
    }
}
