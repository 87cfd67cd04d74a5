import LockstepCluster
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
        if reportedSteps != reportedSteps.indices.map({ UInt32($0 + 1) }) {
            violations.append("steps were not reported once and in order: \(reportedSteps)")
        }
        switch outcomes[0] {
        case .finish(let result) where result.outcome == .completed: checkCompleted(result, members)
        case .finish(let result): checkStopped(result, members)
        case .fail(let verdict): checkFailed(verdict, members)
        default: violations.append("no outcome")
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
        let last = scenario.lastStep
        if result.snapshotStep != last || result.hash != SimulatedProcess.hash(of: last) {
            violations.append("the snapshot is not that of the last step")
        }
        if reportedSteps.count != Int(last) {
            violations.append("\(reportedSteps.count) of \(last) steps were reported")
        }
        for process in members where process.step != last {
            violations.append("process \(process.number) is at step \(process.step) after the end")
        }
        for process in members where process.exitCode == nil && !process.hasSentShare {
            violations.append("the run completed without process \(process.number)")
        }
        let lanes = result.members.reduce(0) { $0 + ($1.done?.lanesComputed ?? 0) }
        if lanes != scenario.lanes * Int(last) { violations.append("\(lanes) lanes were computed") }
        for member in result.members {
            let expected =
                scenario.evaluationBatches > 0 ? Double(scenario.lanes) * Double(scenario.evaluationBatches) : nil
            if member.done?.evaluation?.first != expected { violations.append("the evaluation's sums are wrong") }
            if member.done?.lastEpoch.first != Double(scenario.lanes) * Double(last) {
                violations.append("the epoch's sums are wrong")
            }
        }
        for fault in scenario.faults {
            switch fault {
            case .notFinite, .flip, .unable: violations.append("the run completed in spite of \(fault)")
            default: break
            }
        }
    }

    private func checkStopped(_ result: RunResult, _ members: [SimulatedProcess]) {
        expectExit(.temporary, members)
        guard let mode = stoppedIn else { return violations.append("the run stopped unasked") }
        if let step = result.snapshotStep {
            if result.hash != SimulatedProcess.hash(of: step) { violations.append("the snapshot's hash is wrong") }
            for process in members where process.step != step {
                violations.append("process \(process.number) stopped at \(process.step) instead of \(step)")
            }
            if reportedSteps.count != Int(step) { violations.append("not all steps before the stop were reported") }
        } else if mode != .gathering, mode != .linking, crashed.isEmpty {
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
            case .stop, .duplicate, .surplus: false
            }
        }
        if !isJust { violations.append("the verdict is unjust: \(verdict)") }
    }
}
