internal import LockstepCore

/// Who was waited for in vain, where time runs out and nobody is given up for it: said once, and nothing is decided by it.
extension CoordinatorCore {
    /// The members of the last roster that are not here when the window for coming back is over.
    func sayWhoStaysAway(_ now: UInt64) -> [CoordinatorAction] {
        guard let trained, let deadline, !missingMembers.isEmpty else { return [] }
        // The window may be over early, and is longer where the coordinator itself was absent.
        let rest = deadline - min(deadline, now)
        let waited = configuration.timing.recovery - min(configuration.timing.recovery, rest)
        let names = missingMembers
        let text =
            "\(list(names)), \(names.count == 1 ? "a member" : "members") of generation \(trained.generation), did not "
            + "come back within \(waited / 1_000_000_000) s; it is decided without \(names.count == 1 ? "it" : "them") "
            + "how the run goes on"
        return [.log(.warning, text, metadata: [:])]
    }

    /// Because of whom there is no snapshot when the time for a stop is over.
    func sayWhoHeldUpTheStop(_ now: UInt64) -> [CoordinatorAction] {
        let text: String
        switch mode {
        case .planned, .freezing:
            let late = stragglers
            guard !late.isEmpty else { return [] }
            text = "\(list(late.map(place))) did not stand still"
        case .collecting(let step, _):
            let sources = workers.filter { worker in collection.contains { $0.name == worker.name } }
            let silent = sources.filter { !pace.shares.contains($0.name) }
            guard !sources.isEmpty else { return [] }
            // Who has begun to send may be the one that does not come to an end.
            text =
                silent.isEmpty
                ? "the shares of the state after step \(step) from \(list(sources.map(\.name))) were not complete"
                : "\(list(silent.map(\.name))) sent nothing of the state after step \(step)"
        case .running, .measuring:
            let late = members.filter { !$0.isLinked }
            guard !late.isEmpty else { return [] }
            text = "\(list(late.map(place))) had not made all links"
        case .gathering, .recovering, .paused, .writing, .ended: return []
        }
        let timing = configuration.timing
        // A stop that came when all was done waits for the shares alone.
        let waited = stopLimit.map { now - min(now, $0 - timing.stopInValidation) } ?? timing.stop
        let seconds = NumberText.fixed(Double(waited) / 1e9, 1)
        let end = "the run ends without a snapshot of where it was"
        return [.log(.warning, "\(text) within \(seconds) s of the stop; \(end)", metadata: [:])]
    }

    /// Those that have not answered: all members where they were told to stand still after a step, else all that hold a state.
    private var stragglers: [Worker] {
        switch mode {
        case .planned: members.filter { $0.frozen == nil }
        default: workers.filter { $0.holdsState && $0.frozen == nil }
        }
    }

    private func place(_ worker: Worker) -> String {
        "\(worker.name) (\(Evidence.place(worker.stage, of: worker.step)))"
    }

    /// `w0, w1 and w2`, the first eight of many.
    private func list(_ names: [String]) -> String {
        let shown = names.prefix(8).map { $0.escapedForDisplay() }
        guard names.count == shown.count else {
            return shown.joined(separator: ", ") + " and \(names.count - shown.count) more"
        }
        guard let last = shown.last, shown.count > 1 else { return shown.joined() }
        return shown.dropLast().joined(separator: ", ") + " and " + last
    }
}
