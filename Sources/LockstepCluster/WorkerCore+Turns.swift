internal import LockstepCollectives
internal import LockstepCore

/// The turns of a generation, one after the other.
extension WorkerCore {
    mutating func begin(_ turn: Turn) -> [WorkerAction] {
        state = .computing(turn)
        switch turn.phase {
        case .train: stage = .forward
        case .evaluation: stage = .evaluation
        case .closing: return [.begin(turn)] + record(turn)
        }
        return [.begin(turn)]
    }

    mutating func record(_ turn: Turn) -> [WorkerAction] {
        state = .exchanging(turn)
        stage = turn.hasGradients ? .allReduce : .controlRecord
        // One value, the same to all: it is in the record from here on, whatever is heard later.
        return [.record(turn, askedGeneration: flag > running ? flag : 0)]
    }

    mutating func handleFinished(
        _ turn: Turn, _ summary: RecordSummary, gradientIsFinite: Bool, _ now: UInt64
    ) -> [WorkerAction] {
        guard let agreed = summary.agreedHash else {
            let names = roster?.members.map(\.name) ?? []
            return halt(
                .hashesDiffer(zip(names, summary.stateHashes).map { HaltCause.MemberHash(name: $0, hash: $1) }), now)
        }
        stateHash = agreed
        switch turn.phase {
        case .train:
            if let lane = summary.firstNonFiniteLane { return halt(.lossNotFinite(lane: lane), now) }
            guard gradientIsFinite else { return halt(.gradientNotFinite, now) }
            state = .updating(turn)
            stage = .update
            applying = summary
            return [.apply(turn, summary)]
        case .evaluation:
            evaluation = sum(evaluation ?? [], summary.totals)
            return advance(after: turn, summary, now)
        case .closing:
            return advance(after: turn, summary, now)
        }
    }

    mutating func handleUpdated(_ turn: Turn, _ report: StepReport, _ now: UInt64) -> [WorkerAction] {
        guard let summary = applying, let roster, let own = roster.index(of: identity.name) else { return [] }
        applying = nil
        step = turn.step
        stateHash = nil
        lanesComputed += roster.members[own].lanes.count
        lastEpoch = sum(report.epoch == epoch ? lastEpoch : [], summary.totals)
        epoch = report.epoch
        reports.append(report)
        return advance(after: turn, summary, now)
    }

    /// What comes after a turn that is complete in every respect.
    private mutating func advance(after turn: Turn, _ summary: RecordSummary, _ now: UInt64) -> [WorkerAction] {
        // All see the same greatest number in the same turn, so all stop here, or none. After the last turn there is
        // nothing to stop.
        let next = schedule?.successor(of: turn)
        if next != nil, summary.askedGeneration > running { promised = max(promised, summary.askedGeneration) }
        if promised > running {
            let actions = flushReports(now)
            state = .freezing
            return actions + [.hashState]
        }
        guard let next else { return finish(now) }
        let actions = begin(next)
        guard now >= progressAt else { return actions }
        // The coordinator sees that an evaluation gets on, though it has no steps to report.
        return flushReports(now, evenIfNone: !turn.hasGradients) + actions
    }

    private mutating func finish(_ now: UInt64) -> [WorkerAction] {
        let actions = flushReports(now)
        state = .done
        stage = .idle
        guard let stateHash else { return actions }
        let done = Done(
            generation: running, step: step, hash: stateHash, lanesComputed: lanesComputed,
            gradientBytesSent: gradientBytesSent, evaluation: evaluation, lastEpoch: lastEpoch)
        return actions + send(.done(done))
    }

    /// Batch by batch in order: the same additions in every process.
    private func sum(_ sums: [Double], _ more: [Double]) -> [Double] {
        sums.isEmpty ? more : zip(sums, more).map { $0 + $1 }
    }
}
