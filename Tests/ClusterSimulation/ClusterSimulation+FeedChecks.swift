import LockstepCluster
import LockstepCore

/// What must hold of observers.
extension ClusterSimulation {
    /// An observer gives its feed up.
    func dropped(by observer: SimulatedWorker, _ reason: String) {
        note("\(observer) drops its feed: \(reason)")
        // Who misjudged may have levelled since it said so.
        guard !observer.isCorrupt, observer.incoming?.source.isCorrupt == false, !everCursed.contains(.misjudge) else {
            return
        }
        let doubts = ["does not fit", "has the hash", "judged otherwise", "answered with"]
        if doubts.contains(where: reason.contains) { violate("\(observer) drops a sound feed: \(reason)") }
    }

    /// Who said what it holds does not change that before somebody has decided upon it.
    func checkStandsStill(_ worker: SimulatedWorker) {
        guard let generation = worker.frozenFor, worker.core.promised <= generation else { return }
        violate("\(worker) changes its state to \(worker.state.point) after FROZEN(\(generation))")
    }

    /// Who comes from outside to a run that works holds what the generation starts from.
    func checkNewMembers(of roster: Roster) {
        guard let last = rosters.keys.filter({ $0 < roster.generation }).max().flatMap({ rosters[$0] }),
            last.wholeHash != nil
        else { return }
        for member in roster.members where !last.members.contains(where: { $0.process == member.process }) {
            if roster.holders.contains(member.name) { counts.promoted += 1 }
        }
    }

    /// Who is there becomes a member, or is kept as a spare.
    func checkAllTakePart(in roster: Roster) {
        // One whose feed has died without a word is given another after a minute, or after twenty turns.
        let feed = 100_000_000_000 + 20 * liveness.longestPause * UInt64(roster.patience)
        guard now > max(liveness.disturbedAt, decidedAt) + 40 * scenario.exclusion + feed,
            !network.hasTimedOut, !workers.contains(where: { $0.isAlive && ($0.isHung || $0.isStopped) })
        else { return }
        let there = workers.filter { worker in
            worker.isPresent && !worker.isLeaving && worker.hasState
                && worker.control?.connection.coordinator === coordinator
                && worker.control?.connection.clientIsOpen == true
        }
        let policy = SparePolicy(workers: scenario.workers, spares: scenario.spares, laneCount: scenario.job.lanes)
        let wanted = policy.members(of: Set(there.map(\.name)).count)
        if roster.members.count < wanted {
            violate("\(roster.members.count) of \(there) work, and \(wanted) should")
        }
    }

    /// Nobody is missed who took no part.
    func checkVictim(of incident: Incident) {
        guard let name = incident.verdict.worker else { return }
        let isKnown = rosters.values.contains { roster in
            roster.generation < incident.roster.generation && roster.members.contains { $0.name == name }
        }
        if !isKnown { violate("an incident is made of \(name), which was no member: \(incident.message)") }
    }

    /// All members stand still: the decision waits for nobody else, but for a moment.
    func checkDecision(_ frozen: Frozen, at coordinator: SimulatedCoordinator) {
        let generation = frozen.generation
        guard membersAnswered[generation] == nil, membersHaveAnswered(generation, at: coordinator),
            let roster = coordinator.core.roster
        else { return }
        membersAnswered[generation] = now
        let reach = UInt64(roster.patience) << UInt64(min(6, liveness.freezes.count)) * 500_000_000
        expectDecision(
            of: generation, by: coordinator, within: 2 * reach + 3_000_000_000 + 10 * scenario.fsync.upperBound)
    }

    private func expectDecision(of generation: UInt32, by coordinator: SimulatedCoordinator, within limit: UInt64) {
        let since = now
        after(limit) { [self] in
            guard self.coordinator === coordinator, !coordinator.isStopped, now >= slowDiskUntil,
                membersHaveAnswered(generation, at: coordinator)
            else { return }
            // While it was stopped no time passed for it.
            if coordinator.wokenAt > since { return expectDecision(of: generation, by: coordinator, within: limit) }
            violate("the decision of generation \(generation) waits for those that are no members")
        }
    }

    /// Whether nobody is missing that takes part: a member may be back meanwhile.
    private func membersHaveAnswered(_ generation: UInt32, at coordinator: SimulatedCoordinator) -> Bool {
        guard coordinator.core.mode == .freezing(generation: generation), coordinator.hasWorked,
            let roster = coordinator.core.roster, roster.wholeHash != nil
        else { return false }
        let members = workers.filter { worker in
            coordinator.isConnected(to: worker) && roster.members.contains { $0.process == worker.process }
        }
        let answered = answers[generation] ?? []
        // Where none of them has got what the run has fallen back to, others may hold it, or more.
        guard members.contains(where: { $0.hasState && $0.state.step >= roster.start.step }) else { return false }
        return members.count >= max(1, scenario.minWorkers)
            && members.allSatisfy { member in
                answered.contains { $0 === member } && member.frozenFor == generation
            }
    }
}
