/// What the coordinator hears of the work.
extension WorkerCore {
    /// Whether something was done that is not reported yet.
    var hasNews: Bool { unreported.hasUnsent || !agreed.isEmpty }

    /// Members report; an observer keeps what it could report, should it be the only one left.
    var reportsAtOnce: Bool { state != .observing && state != .draining }

    /// Sends what is not reported yet, in as many messages as it takes.
    mutating func flushReports(_ now: UInt64, evenIfNone: Bool = false) -> [WorkerAction] {
        guard isWelcome, evenIfNone || hasNews else { return [] }
        progressAt = now + timing.progressInterval
        var actions: [WorkerAction] = []
        repeat {
            let (steps, evaluations) = unreported.takeUnsent()
            // After the report of its step, so that the coordinator knows of what it is.
            let isLast = !unreported.hasUnsent
            let progress = Progress(
                generation: running, step: currentStep, stage: stage, secondsPerLane: laneClock.secondsPerLane,
                reports: steps, evaluations: evaluations, agreed: isLast ? agreed : [], agreement: agreement)
            if isLast { agreed = [] }
            actions += send(.progress(progress))
        } while unreported.hasUnsent
        return actions
    }

    /// For a snapshot that waits for the word that all hold the same state.
    mutating func noteAgreed(_ state: AgreedState) {
        // While the coordinator is away; it has lost the shares of the older ones.
        if agreed.count == WorkerCore.mostAgreed { agreed.removeFirst() }
        agreed.append(state)
    }

    private static let mostAgreed = 16

    /// Begins the turn, or takes what is fed, that waited until the coordinator has more of the reports.
    mutating func goOnWhenReported(_ now: UInt64) -> [WorkerAction] {
        if state == .observing { return settle(now) }
        guard case .waiting(let turn) = state, !unreported.isFull else { return [] }
        return begin(turn)
    }
}
