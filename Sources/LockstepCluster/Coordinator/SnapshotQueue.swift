internal import LockstepCore

/// The snapshots of a run in progress: which states were collected, which are agreed on, and which is being written. One
/// is written at a time.
struct SnapshotQueue: Sendable {
    /// What a step's workers are told to hand over.
    let everySteps: UInt32
    let takesBest: Bool
    /// So many complete states may wait.
    let backlog: Int

    /// The one that is being written.
    private(set) var writing: AgreedState?
    /// Complete, and not yet written; in order of arrival.
    private var waiting: [UInt32] = []
    /// In order of arrival. Those that are never collected make room for later ones.
    private var agreed: [AgreedState] = []
    /// Shares of steps up to this one are not expected any more.
    private var newestCollected: UInt32
    /// A failure was said; the next one says nothing new.
    private var hasFailed = false

    private static let mostAgreed = 64

    init(_ configuration: CoordinatorConfiguration) {
        everySteps = configuration.snapshotEverySteps
        takesBest = configuration.snapshotsBest
        backlog = max(1, configuration.snapshotBacklog)
        newestCollected = configuration.start?.step ?? 0
    }

    /// Whether nothing is written or waits to be.
    var isIdle: Bool { writing == nil && waiting.isEmpty }

    /// Whether shares of S(`step`) may come. Which step is the best is not known before they do.
    func expects(_ step: UInt32) -> Bool {
        step > newestCollected && (takesBest || everySteps > 0 && step.isMultiple(of: everySteps))
    }

    /// A worker says that all agreed.
    mutating func agree(_ state: AgreedState) -> [CoordinatorAction] {
        if let known = agreed.first(where: { $0.step == state.step })
            ?? writing.flatMap({ $0.step == state.step ? $0 : nil })
        {
            guard known.hash != state.hash else { return [] }
            agreed.removeAll { $0.step == state.step }
            return say("workers say different things about the state after step \(state.step)", state.step)
                + drop(state.step)
        }
        guard expects(state.step) || waiting.contains(state.step) else { return [] }
        agreed.append(state)
        if agreed.count > Self.mostAgreed { agreed.removeFirst() }
        return writeNext()
    }

    /// All shares of S(`step`) are there.
    mutating func collect(_ step: UInt32) -> [CoordinatorAction] {
        guard expects(step) else { return [.dropState(step: step)] }
        newestCollected = step
        waiting.append(step)
        let actions = writeNext()
        guard waiting.count > backlog else { return actions }
        // What is agreed but not the best is worth less than what is newer; what may still prove to be the best is kept
        // before what came later.
        let victim =
            waiting.first { step in known(step).map { !$0.isBest } ?? false }
            ?? waiting.last { step in known(step) == nil } ?? waiting[0]
        return actions + drop(victim)
    }

    /// What was collected of S(`step`), or is being written, is no state that all agreed on.
    mutating func invalidate(_ step: UInt32, _ reason: String) -> [CoordinatorAction] {
        let isKnown = expects(step) || waiting.contains(step) || writing?.step == step
        guard isKnown else { return [] }
        newestCollected = max(newestCollected, step)
        if writing?.step == step { writing = nil }
        let text = "the state after step \(step) that the workers sent is not the one they agreed on: \(reason)"
        return say(text, step) + drop(step) + writeNext()
    }

    /// - Returns: nil where `step` was not being written.
    mutating func finishWriting(_ step: UInt32) -> (state: AgreedState, actions: [CoordinatorAction])? {
        guard let state = writing, state.step == step else { return nil }
        writing = nil
        hasFailed = false
        return (state, writeNext())
    }

    mutating func failWriting(_ step: UInt32, _ reason: String) -> [CoordinatorAction] {
        guard writing?.step == step else { return [] }
        writing = nil
        return say("the snapshot of step \(step) could not be written: \(reason)", step) + writeNext()
    }

    /// S(`step`) is to be collected as the end: what has come of it in mid-run is a part of that, and is not written before.
    mutating func withdraw(_ step: UInt32) {
        waiting.removeAll { $0 == step }
        agreed.removeAll { $0.step == step }
    }

    /// The end is collected: what is not agreed by now never will be.
    ///
    /// - Parameters:
    ///   - step: of the end.
    ///   - keepsAll: else only what is the best is still written.
    mutating func close(at step: UInt32, keepsAll: Bool) -> [CoordinatorAction] {
        newestCollected = UInt32.max
        withdraw(step)
        return waiting.flatMap { step -> [CoordinatorAction] in
            guard let state = known(step), keepsAll || state.isBest else { return drop(step) }
            return []
        }
    }

    private func known(_ step: UInt32) -> AgreedState? { agreed.first { $0.step == step } }

    private mutating func drop(_ step: UInt32) -> [CoordinatorAction] {
        agreed.removeAll { $0.step == step }
        guard let index = waiting.firstIndex(of: step) else { return [] }
        waiting.remove(at: index)
        return [.dropState(step: step)]
    }

    private mutating func writeNext() -> [CoordinatorAction] {
        guard writing == nil, let state = waiting.compactMap({ known($0) }).first else { return [] }
        waiting.removeAll { $0 == state.step }
        agreed.removeAll { $0.step == state.step }
        writing = state
        return [.writeSnapshot(step: state.step, hash: state.hash, isBest: state.isBest)]
    }

    /// Once, until a snapshot is written again.
    private mutating func say(_ text: String, _ step: UInt32) -> [CoordinatorAction] {
        guard !hasFailed else { return [] }
        hasFailed = true
        return [
            .log(
                .warning, text + "; training goes on, and this is not said again before a snapshot succeeds",
                metadata: ["step": "\(step)"])
        ]
    }
}
