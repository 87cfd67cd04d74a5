internal import LockstepCollectives
internal import LockstepCore

/// The turns of a generation, one after the other.
extension WorkerCore {
    mutating func begin(_ turn: Turn) -> [WorkerAction] {
        // A coordinator that is away for long must not leave a hole in the reports.
        guard !unreported.isFull else {
            state = .waiting(turn)
            stage = .idle
            return []
        }
        state = .computing(turn)
        laneAudit = audit(of: turn)
        switch turn.phase {
        case .train: stage = .forward
        case .evaluation: stage = .evaluation
        case .validation: stage = .validation
        case .closing, .decision, .trial: break
        }
        let begin = WorkerAction.begin(turn, isStopping: turn.phase == .decision && isStopping)
        return [begin] + (turn.hasBatch ? [] : record(turn))
    }

    mutating func record(_ turn: Turn) -> [WorkerAction] {
        state = .exchanging(turn)
        stage = turn.hasGradients ? .allReduce : .controlRecord
        // One value, the same to all: it is in the record from here on, whatever is heard later.
        let asked = flag > running ? flag : 0
        isHashed = turn.phase != .train || copied != nil || !observers.isEmpty || (roster?.members.count ?? 0) > 1
        return [
            .record(
                turn, askedGeneration: asked, judgement: turn.phase == .decision ? judgement : nil,
                hashesState: isHashed)
        ]
    }

    /// The own record is on its way.
    mutating func handleRecorded(_ hash: StateHash?) -> [WorkerAction] {
        if let hash { lastHash = (point, hash) }
        return []
    }

    mutating func handleFinished(
        _ turn: Turn, _ summary: RecordSummary, gradientIsFinite: Bool, gradientBytesSent: Int, _ now: UInt64
    ) -> [WorkerAction] {
        self.gradientBytesSent += gradientBytesSent
        let members = roster?.members ?? []
        guard let hash = summary.agreedHash else {
            let voices = zip(members, summary.stateHashes)
            seen = Frozen.Disagreement(
                point: point,
                voices: voices.map { Frozen.Disagreement.Voice(name: $0.name, process: $0.process, hash: $1) })
            return halt(.hashesDiffer(voices.map { HaltCause.MemberHash(name: $0.name, hash: $1) }), now)
        }
        // All have the state that the turn computed with.
        fedBy = nil
        agreedHash = nil
        if isHashed {
            agreedHash = hash
            agreement = Frozen.Agreement(point: point, hash: hash)
        }
        if let copied {
            self.copied = nil
            noteAgreed(AgreedState(step: copied.step, hash: hash, isBest: copied.isBest))
        }
        switch turn.phase {
        case .train:
            // Before all else that is wrong: a loss that is not finite may be so at one worker only.
            if let difference = laneDifference(in: summary) { return halt(difference, turn, now) }
            if let lane = summary.firstNonFiniteLane { return halt(.lossNotFinite(lane: lane), now) }
            guard gradientIsFinite else { return halt(.gradientNotFinite, now) }
            state = .updating(turn)
            stage = .update
            applying = summary
            // A snapshot waits for this word.
            return (agreed.isEmpty ? [] : flushReports(now)) + [.apply(turn, summary)]
        case .evaluation:
            evaluation = sum(evaluation ?? [], summary.totals)
            return advance(after: turn, summary, now)
        case .validation:
            validation = sum(validation, summary.totals)
            guard let schedule, schedule.isLastOfValidation(turn) else { return advance(after: turn, summary, now) }
            return judge(turn, schedule, now)
        case .decision:
            guard summary.sampleHashes.allSatisfy({ $0 == summary.sampleHashes.first }) else {
                let judgements = zip(members, summary.sampleHashes)
                    .map { HaltCause.MemberJudgement(name: $0.name, judgement: $1) }
                return halt(.judgementsDiffer(judgements), now)
            }
            return advance(after: turn, summary, now)
        case .closing, .trial:
            return advance(after: turn, summary, now)
        }
    }

    mutating func handleUpdated(_ turn: Turn, _ report: StepReport, _ now: UInt64) -> [WorkerAction] {
        guard let summary = applying, let roster, let own = roster.index(of: identity.name) else { return [] }
        applying = nil
        hold(report, totals: summary.totals, sampleHashes: summary.sampleHashes, generation: running)
        lanesComputed += roster.members[own].lanes.count
        laneClock.add(report.computeSeconds, lanes: roster.members[own].lanes.count)
        return advance(after: turn, summary, now)
    }

    /// The shell holds S(report.step) from now on.
    mutating func hold(_ report: StepReport, totals: [Double], sampleHashes: [UInt64], generation: UInt32) {
        step = report.step
        holding = nil
        agreedHash = nil
        isJudged = !(preparation?.turns.isValidated(afterStep: step) ?? false)
        validation = []
        let isSameEpoch = report.epoch == epoch
        lastEpoch = sum(isSameEpoch ? lastEpoch : [], totals)
        epochSampleSum = sampleHashes.reduce(isSameEpoch ? epochSampleSum : 0, &+)
        epoch = report.epoch
        // Anyone can report for all: the records of a step are the same in every member.
        var report = report
        report.generation = generation
        report.sampleHashes = sampleHashes
        report.epochSampleSum = epochSampleSum
        unreported.append(report)
    }

    // MARK: Validation

    private mutating func judge(_ turn: Turn, _ schedule: TurnSchedule, _ now: UInt64) -> [WorkerAction] {
        unreported.append(
            EvaluationReport(epoch: schedule.epoch(ofValidation: turn), step: step, sums: validation))
        state = .judging(turn)
        stage = .validation
        return (now >= progressAt ? flushReports(now) : []) + [.judge(validationSums: validation, step: step)]
    }

    mutating func handleJudged(
        _ turn: Turn, isStopping: Bool, snapshots: Bool, _ watchHash: UInt64, _ now: UInt64
    ) -> [WorkerAction] {
        noteJudged(isStopping: isStopping, snapshots: snapshots)
        // The lowest bits say what follows, in plain sight; the rest is the hash's.
        judgement = watchHash & ~3 | (isStopping ? 1 : 0) | (snapshots ? 2 : 0)
        if promised > running { return standStill(now) }
        guard let decision = schedule?.successor(of: turn) else { return [] }
        return begin(decision)
    }

    mutating func noteJudged(isStopping: Bool, snapshots: Bool) {
        self.isStopping = isStopping
        isJudged = true
        // The best state may have been restored.
        holding = nil
        agreedHash = nil
        if snapshots { bestStep = step }
    }

    // MARK: Between turns

    /// What comes after a turn that is complete in every respect.
    private mutating func advance(after turn: Turn, _ summary: RecordSummary, _ now: UInt64) -> [WorkerAction] {
        let next = schedule?.successor(of: turn, isStopping: isStopping)
        if promised > running { return standStill(now) }
        // All see the same greatest number in the same turn, so all stop here, or none. After the last turn there is
        // nothing to stop. A step's validation belongs to it: the number stands in the records until it is over.
        if next != nil, isJudged, summary.askedGeneration > running {
            promised = summary.askedGeneration
            return standStill(now, parks: rules.dropsQueuedFrames)
        }
        guard let next else { return finish(now) }
        let copies = next.phase == .train ? copyShare(after: turn) : []
        let actions = copies + begin(next)
        // A snapshot waits for what is agreed. Else the coordinator sees often enough that work gets on, though it has no
        // steps to report.
        guard now >= progressAt || !agreed.isEmpty else { return actions }
        return flushReports(now, evenIfNone: !turn.hasGradients) + actions
    }

    /// Puts the share aside where S(step) is wanted as a snapshot. Never where the end follows: it collects the state.
    private mutating func copyShare(after turn: Turn) -> [WorkerAction] {
        let isDue = snapshotEverySteps > 0 && step.isMultiple(of: snapshotEverySteps)
        guard isDue || isBest, let roster, let own = roster.index(of: identity.name) else { return [] }
        if turn.phase == .decision, let agreedHash {
            noteAgreed(AgreedState(step: step, hash: agreedHash, isBest: isBest))
        } else {
            copied = (step, isBest)
        }
        return [.copyShare(Fetch(step: step, share: own, count: roster.members.count), isBest: isBest)]
    }

    private mutating func finish(_ now: UInt64) -> [WorkerAction] {
        let actions = flushReports(now)
        state = .done
        stage = .idle
        guard let agreedHash else { return actions }
        let done = Done(
            generation: running, step: step, hash: agreedHash, isBest: isBest, lanesComputed: lanesComputed,
            gradientBytesSent: gradientBytesSent, evaluation: evaluation, lastEpoch: lastEpoch)
        self.done = done
        return actions + send(.done(done))
    }

    /// Batch by batch in order: the same additions in every process.
    private func sum(_ sums: [Double], _ more: [Double]) -> [Double] {
        sums.isEmpty ? more : zip(sums, more).map { $0 + $1 }
    }
}
