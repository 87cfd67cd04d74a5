import LockstepCluster
import LockstepCollectives
import LockstepCore

/// What must hold at every event.
extension ClusterSimulation {
    // MARK: States

    /// After every event of a worker's driver.
    func check(_ worker: SimulatedWorker) {
        if worker.core.promised < worker.core.running { violate("\(worker) promised less than it runs") }
    }

    /// The worker holds another state than before.
    func changed(_ worker: SimulatedWorker) {
        let state = worker.state
        checkStandsStill(worker)
        if !worker.isCorrupt, !scenario.job.holds(state) {
            violate("\(worker) holds a \(state.point) that is none of an undisturbed run")
        }
        if liveness.hold(state.step) { release() }
    }

    /// The worker computes with its state, or says what it holds.
    func checkWhole(_ worker: SimulatedWorker, _ doing: String) {
        guard worker.hasState, !worker.isCorrupt else { return }
        if !scenario.job.holds(worker.state) {
            violate("\(worker) \(doing) with a mixture of states at \(worker.state.point)")
        }
    }

    // MARK: Generations

    func checkDurable(_ generation: UInt32) {
        if !disk.generations.contains(generation) { violate("generation \(generation) is said before it is on disk") }
    }

    func checkDurable(_ roster: Roster) {
        guard let written = disk.rosters[roster.generation] else {
            return violate("the roster of generation \(roster.generation) is said before it is on disk")
        }
        if written != roster { violate("generation \(roster.generation) is said with another roster than on disk") }
    }

    /// Records are on disk.
    func wrote(_ records: ArraySlice<JournalRecord>) {
        if let objection = disk.append(records) { violate(objection) }
        for record in records {
            note("journal: \(record)")
            if case .roster(let roster) = record { decided(roster) }
        }
    }

    private func decided(_ roster: Roster) {
        if let known = rosters[roster.generation], known != roster {
            violate("generation \(roster.generation) was decided twice: \(known) and \(roster)")
        }
        rosters[roster.generation] = roster
        decidedAt = now
        counts.generations += 1
        liveness.generations += 1
        liveness.fallBack(to: roster.start.step)
        liveness.plan = nil
        liveness.freezes = []
        check(roster)
    }

    private func check(_ roster: Roster) {
        var next = 0
        for lanes in roster.members.map(\.lanes).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if lanes.lowerBound != next || lanes.isEmpty { violate("lanes are not covered once: \(roster)") }
            next = lanes.upperBound
        }
        if next != scenario.job.lanes { violate("lanes are not covered once: \(roster)") }
        if roster.members.count < scenario.minWorkers, coordinator?.isStopping != true {
            violate("generation \(roster.generation) has too few members")
        }
        let names = roster.members.map(\.name)
        if names != names.sorted() || Set(names).count != names.count { violate("members are not in order: \(names)") }
        if !roster.holders.allSatisfy(names.contains) { violate("a holder is no member: \(roster)") }
        checkStart(of: roster)
        checkNewMembers(of: roster)
    }

    /// The state that a generation starts from is one of an undisturbed run.
    private func checkStart(of roster: Roster) {
        let holders = roster.members.filter { roster.holders.contains($0.name) }
            .compactMap { member in workers.first { $0.process == member.process } }
        if roster.members.count == 1, holders.contains(where: \.isCorrupt) { counts.isExcused = true }
        guard let state = scenario.job.state(at: roster.start) else {
            return violate("generation \(roster.generation) starts from \(roster.start), which is no state")
        }
        let isSound = state.hash == roster.stateHash && roster.wholeHash.map { $0 == state.wholeHash } ?? true
        guard !isSound else { return }
        if holders.contains(where: \.isCorrupt), !isContradicted(roster.start.step, in: roster.generation) {
            note("no sound state was left to tell a damaged one by")
            counts.isExcused = true
        } else {
            violate("generation \(roster.generation) starts from a damaged state")
        }
    }

    /// Whether someone stands still for this generation who holds a sound state at this step, the one before it or a later one.
    private func isContradicted(_ step: UInt32, in generation: UInt32) -> Bool {
        let last = rosters.keys.filter { $0 < generation }.max().flatMap { rosters[$0] }
        // What an observer was fed is nobody's word until a step has confirmed it.
        return (answers[generation] ?? []).contains { worker in
            let hasSaidSo = worker.frozenFor == generation
            let isMember = last?.members.contains { $0.process == worker.process } ?? true
            return (hasSaidSo || isMember) && worker.hasState && !worker.isCorrupt && worker.state.step + 1 >= step
        }
    }

    /// Who is alone has nobody to be compared with.
    func excuseIfAlone(_ worker: SimulatedWorker) {
        let newest = rosters.keys.max().flatMap { rosters[$0] }
        let isAlone = [worker.core.roster, newest].contains { roster in
            roster?.members.count == 1 && roster?.members[0].process == worker.process
        }
        guard isAlone else { return }
        note("a lone worker's state is damaged")
        counts.isExcused = true
    }

    /// Where nothing is lost, all who heard of a planned change stand still for it in time.
    func checkPlan(endedBy generation: UInt32) {
        guard let plan = liveness.plan, generation != plan.generation else { return }
        liveness.plan = nil
        // How long a turn takes is known again after a few.
        let quiet = 20_000_000_000 + 12 * scenario.computing.upperBound
        let isQuiet = now > liveness.harmedAt + quiet && now > plan.at + 1_000_000_000
        // An end whose link timed out unheard may wait for ever: that takes a time-out.
        guard isQuiet, !network.hasTimedOut, !workers.contains(where: { $0.isAlive && ($0.isHung || $0.isStopped) }),
            scenario.deadline == nil
        else { return }
        violate("the planned change \(plan.generation) ended by its deadline")
    }

    func begins(_ roster: Roster) {
        if disk.rosters[roster.generation] != roster { violate("a generation begins that is not on disk") }
    }

    func survived(_ incident: Incident) {
        counts.incidents += 1
        if incident.noticedAt > incident.resumedAt || incident.resumedAt > now { violate("an incident of no time") }
        checkVictim(of: incident)
        if incident.verdict.message.isEmpty { violate("an incident without words") }
    }

    // MARK: Reports

    func report(_ reports: [StepReport]) {
        for report in reports {
            if report.step != (disk.reportedSteps.last ?? 0) + 1 {
                violate("step \(report.step) is reported after \(disk.reportedSteps.last ?? 0)")
            }
            disk.reportedSteps.append(report.step)
            audit(report)
        }
    }

    /// What the samples of a step were, as the report says, is what the roster of its generation makes of them.
    private func audit(_ report: StepReport) {
        let job = scenario.job
        guard
            let expected = job.state(at: StatePoint(step: report.step, isJudged: job.isJudged(afterStep: report.step)))
        else { return violate("step \(report.step) is reported, which is none") }
        if report.epoch != expected.epoch || report.loss != Double(job.lanes) {
            violate("step \(report.step) is reported with another epoch or loss: \(report)")
        }
        if report.epochSampleSum != expected.epochSampleSum {
            violate("the samples of the epoch up to step \(report.step) are not each there once")
        }
        guard let roster = disk.rosters[report.generation] else {
            return violate("step \(report.step) is reported of generation \(report.generation), which has no roster")
        }
        let hashes = roster.members.map { SimulatedState.sampleHash(step: report.step, lanes: $0.lanes) }
        if report.sampleHashes != hashes { violate("step \(report.step) was not of the lanes of its generation") }
    }

    /// They stand in no file: another coordinator may say one again, or never.
    func evaluated(_ report: EvaluationReport) {
        if disk.reportedSteps.last ?? 0 < report.step { violate("a validation came before its step") }
        let expected = scenario.job.evaluations
        guard let place = expected.firstIndex(of: report) else { return violate("a validation is none: \(report)") }
        if let last = coordinator?.lastEvaluation, place != last + 1 {
            violate("validations are not reported once and in order: \(report)")
        }
        coordinator?.lastEvaluation = place
        counts.evaluations += 1
    }

    // MARK: Snapshots

    func commit(_ step: UInt32, _ state: SimulatedState, isEnd: Bool) {
        if state.step != step || !scenario.job.holds(state) {
            // A run that stops is judged like one that begins anew.
            let isDisputed = answers.keys.max().map { isContradicted(step, in: $0) } ?? true
            if isEnd, coordinator?.isStopping == true, !isDisputed, workers.contains(where: \.isCorrupt) {
                note("no sound state was left to tell a damaged one by")
                counts.isExcused = true
            } else {
                violate("the snapshot of step \(step) holds another state")
            }
        }
        if !isEnd, agreed[step] == nil {
            violate("the snapshot of step \(step) was written before anyone said that all agree")
        }
        disk.write(state)
        counts.snapshots += 1
    }

    // MARK: Ends

    func check(_ outcome: CoordinatorAction) {
        switch outcome {
        case .finish(let result) where result.outcome == .completed:
            let end = scenario.job.end
            if result.snapshotStep != end.step || result.hash != end.hash {
                violate("the run ends with S(\(result.snapshotStep ?? 0)) instead of S(\(end.step))")
            }
            if disk.snapshots.last != end { violate("the last state is not on disk") }
            if disk.reportedSteps.count != Int(end.step) { violate("\(disk.reportedSteps.count) steps were reported") }
            let validations = scenario.job.evaluations.count
            if counts.coordinators == 1, counts.evaluations != validations { violate("a validation was not reported") }
        case .finish(let result):
            if let step = result.snapshotStep, result.hash != disk.snapshots.last(where: { $0.step == step })?.hash {
                violate("the run stopped with another snapshot than the one on disk")
            }
        case .fail(let verdict):
            if !isJust(verdict) { violate("the run failed: \(verdict)") }
        default: break
        }
    }

    /// What may end a run.
    private func isJust(_ verdict: Verdict) -> Bool {
        if verdict.message.contains("different states at the start"), workers.contains(where: \.isCorrupt) {
            return true
        }
        if let mended, verdict.step == mended.step, verdict.lane == mended.lane { return true }
        if let notFinite, verdict.step == notFinite.step, verdict.lane == notFinite.lane {
            // Another learning rate.
            mended = notFinite
            self.notFinite = nil
            return true
        }
        if hasMiscomputed, verdict.message.contains("in a row") { return true }
        if everCursed.contains(.wrongSums), verdict.message.contains("wrongly") { return true }
        if everCursed.contains(.unable), verdict.message.contains("a file is missing") { return true }
        return false
    }

    /// A member's connection has ended: nobody waits for a time-out.
    func checkNoticed(_ worker: SimulatedWorker, by coordinator: SimulatedCoordinator) {
        let generation = coordinator.core.roster?.generation
        let noticedAt = now + 1_000_000_000
        after(3_000_000_000 + 10 * scenario.fsync.upperBound) { [self] in
            guard self.coordinator === coordinator, !coordinator.isStopped, liveness.harmedAt < noticedAt,
                !worker.isAlive,
                coordinator.core.mode == .running, let roster = coordinator.core.roster,
                roster.generation == generation, roster.members.contains(where: { $0.process == worker.process })
            else { return }
            violate("nobody noticed the end of \(worker)")
        }
    }

    /// Who is there when the run is complete is let go.
    func checkReleased() {
        for worker in released where worker.exitCode != .success {
            violate("\(worker) was not released: \(worker.exitCode.map { "\($0)" } ?? "no end")")
        }
    }

    /// Nothing happens any more.
    func checkEnd() {
        checkReleased()
        guard isComplete else { return violate("nothing happens any more, and the run is not complete") }
        for worker in workers where worker.isAlive {
            violate("\(worker) was never told to end: \(worker.core.state)")
        }
        let history = disk.history
        if !history.isFinal { violate("the journal does not say that the run is complete") }
        for snapshot in history.snapshots where !disk.snapshots.contains(where: { $0.step == snapshot.step }) {
            violate("the journal has a snapshot that is not there")
        }
    }
}
