internal import LockstepCore

/// Too few workers, or none that holds the state.
extension CoordinatorCore {
    /// All stand still until someone or something comes.
    mutating func pause(_ generation: UInt32, _ reason: String, _ now: UInt64) -> [CoordinatorAction] {
        mode = .paused(generation: generation)
        admitsAll = true
        // Where it is not people but links that are missing, they may be back by themselves.
        // Who came ready while an offer was waited for has not been asked yet.
        let isEnough = workers.count { $0.frozen != nil || $0.isReady } >= max(1, configuration.minWorkers)
        deadline = isEnough && !isWaiting ? now + patience(configuration.timing.exclusion) : nil
        if stopReason != nil { return stopNow() }
        let released = releaseUnneeded(now)
        guard pauseReason != reason else { return released }
        pauseReason = reason
        return released + [.log(.warning, "the run is paused: \(reason)", metadata: [:])]
    }

    /// Nobody who may hold the state has come in time, or nobody is missing any more.
    mutating func decideAgain(_ now: UInt64) -> [CoordinatorAction] {
        guard case .paused(let generation) = mode, judgeAt == nil else { return [] }
        return decide(generation, now)
    }

    mutating func handleOffer(_ holding: Holding, _ now: UInt64) -> [CoordinatorAction] {
        guard isAsking else { return [] }
        isAsking = false
        offered = holding
        return decideAgain(now)
    }

    mutating func handleNothingToOffer(_ reason: String, _ now: UInt64) -> [CoordinatorAction] {
        guard isAsking else { return [] }
        isAsking = false
        let fresh = workers.compactMap(\.prepared?.holding).first { $0.point == StatePoint(step: 0) }
        guard let initial = initial ?? fresh else {
            let cause =
                "nobody holds the state of the run any more, and no snapshot can take its place: "
                + reason.escapedForDisplay(limit: 1000)
            return conclude(Verdict(cause: cause, message: cause))
        }
        offered = initial
        let text = "no snapshot can take the place of the state: \(reason.escapedForDisplay(limit: 1000))"
        return [.log(.warning, text, metadata: [:])] + decideAgain(now)
    }
}
