internal import LockstepCore

/// A coordinator that takes over a run whose workers may be at work.
extension CoordinatorCore {
    /// After every arrival: goes on with the last roster as it is, or regroups.
    mutating func recover(_ now: UInt64) -> [CoordinatorAction] {
        guard mode == .recovering, let trained else { return [] }
        let present = trained.members.compactMap { member in workers.first { $0.process == member.process } }
        // Who has promised more stands still, or will.
        if workers.contains(where: { $0.promised > trained.generation }) { return freeze(now) }
        if present.count == trained.members.count, present.allSatisfy({ $0.bulk != nil }) {
            let isHealthy = present.allSatisfy {
                $0.running == trained.generation && $0.promised == trained.generation
            }
            // Someone may still wait for the snapshot that it starts from; what would be offered now may be a newer one.
            let waitsForOffer = trained.holders.isEmpty && trained.start.step > 0
            return isHealthy && !waitsForOffer && evidence == nil ? adopt(trained, now) : freeze(now)
        }
        // All that are missing have been replaced by other processes of their name.
        let isReplaced = trained.members.allSatisfy { member in
            workers.contains { $0.name == member.name && $0.isReady && !$0.isOld }
        }
        return isReplaced ? stopWaiting(now) : []
    }

    /// The window is over.
    mutating func stopWaiting(_ now: UInt64) -> [CoordinatorAction] {
        let farewell = sayWhoStaysAway(now)
        deadline = nil
        if workers.contains(where: \.isOld) { return farewell + freeze(now) }
        mode = .gathering
        roster = nil
        return farewell + beginIfReady(now)
    }

    /// When nobody will come back: the workers that were asked for are here, and none of those that worked.
    var fruitlessAt: UInt64? {
        guard mode == .recovering, let deadline, !workers.contains(where: \.isOld),
            workers.count(where: \.isReady) >= awaitedWorkers
        else { return nil }
        let timing = configuration.timing
        return deadline - min(deadline, timing.recovery) + timing.fruitlessRecovery
    }

    private mutating func adopt(_ roster: Roster, _ now: UInt64) -> [CoordinatorAction] {
        mode = .running
        deadline = nil
        hasBegun = true
        pace.start(from: roster.start.step, now)
        pace.begin(now, isTurn: false)
        for index in workers.indices where isMember(workers[index]) { workers[index].isLinked = true }
        let text = "the \(roster.members.count) workers of generation \(roster.generation) are at work; they go on"
        // They may have come to the end meanwhile.
        return [.log(.info, text, metadata: [:]), .workersReady(roster)] + mendReports() + collectIfDone(now)
    }
}
