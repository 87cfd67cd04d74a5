import LockstepCluster
import LockstepCollectives
import LockstepCore

/// What must hold when nothing happens any more.
extension ClusterSimulation {
    func checkEnd() {
        guard outcomes.count == 1 else {
            return violations.append("\(outcomes.count) outcomes instead of one")
        }
        for process in processes where process.isPresent {
            violations.append(
                "process \(process.number) (\(process.name)) was never told to end: \(process.core.state)")
        }
        let members = processes.filter { process in
            coordinator.roster?.members.contains { $0.process == process.core.identity.process } ?? false
        }
        if reportedSteps != reportedSteps.indices.map({ start.step + UInt32($0 + 1) }) {
            violations.append("steps were not reported once and in order: \(reportedSteps)")
        }
        let expected = scenario.job.evaluations.filter { $0.step > start.step }.prefix(evaluations.count)
        if evaluations != Array(expected) { violations.append("validations were not reported once and in order") }
        checkJournal()
        if coordinator.roster != nil, reportedSteps.count + (isComplete ? 1 : 0) > 0 { checkTrials() }
        switch outcomes[0] {
        case .finish(let result) where result.outcome == .completed: checkCompleted(result, members)
        case .finish(let result): checkStopped(result, members)
        case .fail(let verdict): checkFailed(verdict, members)
        default: violations.append("no outcome")
        }
    }

    /// What is measured is so before the first step, and only where it can matter.
    private func checkTrials() {
        let isDecided = scenario.wish.links != nil && scenario.wish.bucketBytes != nil
        let isOpen = scenario.workers > 1 && scenario.elementCount > 0 && !isDecided
        // A small gradient is measured where a core may be to spare, so there either is right.
        let isLarge = 4 * scenario.elementCount > ExchangeTuning.smallBytes
        if trials > 0 ? !isOpen : isOpen && isLarge { violations.append("\(trials) trials before the start") }
        guard let settings = coordinator.roster?.exchange else { return }
        // Who is alone has no links.
        if let links = scenario.wish.links, settings.links != (scenario.workers > 1 ? links : 1) {
            violations.append("\(settings.links) links")
        }
        let most = processes.filter(\.isMember).map { $0.ports.count }.min() ?? 1
        if settings.links > max(most, scenario.wish.links ?? 1) { violations.append("links that nobody offers") }
        if scenario.elementCount > 0,
            Buckets(elementCount: scenario.elementCount, boundaries: settings.bucketBoundaries) == nil
        {
            violations.append("buckets \(settings.bucketBoundaries) of \(scenario.elementCount) floats")
        }
    }

    private func checkJournal() {
        let history = JournalRecord.replay(coordinator.journal)
        for record in history.snapshots {
            let state = snapshots.first { $0.step == record.step }
            if state?.hash != record.hash { violations.append("the journal has a snapshot that is not there") }
        }
        let isComplete =
            if case .finish(let result) = outcomes[0] { result.outcome == .completed } else { false }
        if history.isFinal != isComplete { violations.append("the journal says another end") }
        if let roster = history.lastRoster, roster.generation > history.greatestGeneration {
            violations.append("a roster is of a generation that nobody journaled")
        }
    }

    private func expectExit(_ exitCode: ExitCode, _ members: [SimulatedProcess]) {
        for process in processes {
            guard let code = process.exitCode else { continue }
            let isMember = members.contains { $0.number == process.number }
            let isUnable = scenario.faults.contains(.unable(worker: process.number)) && code == .usage
            // Who loses its bulk connection before the start may come again.
            let mayComeAgain = code == .temporary && !isMember && losesBulk(process.number)
            if code != exitCode, isMember || code != .refused, !isUnable, !mayComeAgain {
                violations.append("process \(process.number) ended with \(code) instead of \(exitCode)")
            }
        }
    }

    private func losesBulk(_ worker: Int) -> Bool {
        scenario.faults.contains { if case .bulkLost(worker, _) = $0 { true } else { false } }
    }

    private func checkCompleted(_ result: RunResult, _ members: [SimulatedProcess]) {
        expectExit(.success, members)
        let job = scenario.job
        let end = job.end
        if result.snapshotStep != end.step || result.hash != end.hash {
            violations.append("the snapshot is not that of the last step")
        }
        if snapshots.last != end { violations.append("the last state is not on the disk") }
        let steps = Int(end.step - start.step)
        if reportedSteps.count != steps { violations.append("\(reportedSteps.count) of \(steps) steps were reported") }
        if evaluations.count != job.evaluations.count(where: { $0.step > start.step }) {
            violations.append("a validation was not reported")
        }
        for process in members where process.state != end {
            violations.append("process \(process.number) is at step \(process.state.step) after the end")
        }
        for process in members where process.exitCode == nil && !process.hasSentShare {
            violations.append("the run completed without process \(process.number)")
        }
        let lanes = result.members.reduce(0) { $0 + ($1.done?.lanesComputed ?? 0) }
        if lanes != job.lanes * steps { violations.append("\(lanes) lanes were computed") }
        for member in result.members {
            let expected = job.evaluationBatches > 0 ? Double(job.lanes) * Double(job.evaluationBatches) : nil
            if member.done?.evaluation?.first != expected { violations.append("the evaluation's sums are wrong") }
            if member.done?.lastEpoch.first != end.epochSums.first { violations.append("the epoch's sums are wrong") }
        }
        for fault in scenario.faults {
            switch fault {
            case .unable: violations.append("the run completed in spite of \(fault)")
            case .wrongSums(let worker):
                // Another process of the name may have its place.
                let isMember = members.contains { $0.number == worker }
                if trials > 0, isMember { violations.append("the run completed in spite of \(fault)") }
            case .notFinite(let step, _), .flip(_, let step), .misjudge(_, let step):
                if step > start.step { violations.append("the run completed in spite of \(fault)") }
            default: break
            }
        }
        // A wish to stop that came too late still makes haste.
        let isPatient = scenario.skippedShares == 0 && scenario.snapshotBacklog == 100 && stoppedIn == nil
        guard isPatient, !scenario.faults.contains(where: \.spoilsSnapshots) else { return }
        for step in job.snapshotSteps where step > start.step && !snapshots.contains(where: { $0.step == step }) {
            violations.append("there is no snapshot of step \(step)")
        }
    }

    private func checkStopped(_ result: RunResult, _ members: [SimulatedProcess]) {
        expectExit(.temporary, members)
        guard let mode = stoppedIn else { return violations.append("the run stopped unasked") }
        if let step = result.snapshotStep {
            let state = scenario.job.states[Int(step)]
            if result.hash != state.hash { violations.append("the snapshot's hash is wrong") }
            for process in members where process.state != state {
                violations.append("process \(process.number) stopped at \(process.state.step) instead of \(step)")
            }
            if reportedSteps.count != Int(step - start.step) {
                violations.append("not all steps before the stop were reported")
            }
        } else if mode != .gathering, mode != .measuring, mode != .linking, crashed.isEmpty {
            violations.append("there is no snapshot of a run that was stopped in peace")
        }
    }

    private func checkFailed(_ verdict: Verdict, _ members: [SimulatedProcess]) {
        expectExit(.failed, members)
        let lost = crashed.union(hung).map { processes[$0].name }
        let isJust = scenario.faults.contains { fault in
            switch fault {
            case .crash, .hang: verdict.worker.map(lost.contains) ?? false
            case .cut: !cuts.isEmpty && verdict.message.contains("link between") && verdict.worker == nil
            case .unable(let worker): verdict.worker == "w\(worker)" && verdict.exitCode == .usage
            case .notFinite(let step, let lane): verdict.step == step && verdict.lane == lane
            case .flip(let worker, let step):
                verdict.step == step && verdict.message.contains("states differ")
                    && verdict.worker == (scenario.workers > 2 ? "w\(worker)" : nil)
            case .stall(let worker, _):
                verdict.worker == "w\(worker)"
                    || verdict.message.contains("link between") && verdict.message.contains("w\(worker)")
            case .bulkLost(let worker, _): verdict.worker == "w\(worker)"
            case .misjudge(let worker, let step):
                verdict.step == step && verdict.message.contains("judged the validation differently")
                    && verdict.worker == (scenario.workers > 2 ? "w\(worker)" : nil)
            case .wrongSums(let worker):
                verdict.worker == "w\(worker)" && verdict.stage == .measuring && verdict.message.contains("wrongly")
            case .stop, .duplicate, .surplus, .staleShares, .fullDisk: false
            }
        }
        if !isJust { violations.append("the verdict is unjust: \(verdict)") }
    }
}

extension ClusterScenario.Fault {
    /// Whether snapshots in mid-run may be missing.
    var spoilsSnapshots: Bool {
        switch self {
        case .staleShares, .fullDisk: true
        default: false
        }
    }
}
