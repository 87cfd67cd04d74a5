internal import LockstepCore

/// What a run decides by its evaluations after each epoch: when to stop, when to lower the rate, which state is best.
package struct Watch: Sendable, Hashable {
    /// What an evaluation leads to.
    package struct Outcome: Sendable, Hashable {
        /// The value that early stopping watches is the best so far: `FlatState.keepBest()` where the best is restored.
        package var isImproved = false
        /// The run ends with this step.
        package var stops = false
        /// The value by which snapshots are judged is the best so far.
        package var isBest = false
    }

    /// When the rate of a `Schedule.plateau` is lowered; the loss decides.
    struct Plateau: Sendable, Hashable {
        var factor: Double
        var patience: Int
        var minimumDelta: Double
    }

    package let earlyStopping: EarlyStopping?
    let plateau: Plateau?
    /// The name of the value by which the best snapshot is kept.
    package let best: String?

    package init(earlyStopping: EarlyStopping? = nil, schedule: Schedule, best: String? = nil) {
        self.earlyStopping = earlyStopping
        if case .plateau(_, let factor, let patience, let minimumDelta, _, _) = schedule {
            plateau = Plateau(factor: factor, patience: patience, minimumDelta: minimumDelta)
        } else {
            plateau = nil
        }
        self.best = best
    }

    /// True where a run needs evaluations after each epoch.
    package var isActive: Bool { earlyStopping != nil || plateau != nil || best != nil }

    /// True where the state keeps the best parameters.
    package var keepsBest: Bool { earlyStopping?.restoreBest == true }

    /// Checks every setting.
    ///
    /// - Parameter names: of the values that evaluations report beside the loss.
    /// - Throws: `CommandError.usage` that names the setting by its key in a job file.
    package func validate(names: [String]) throws {
        for (key, name) in [("earlyStopping.metric", earlyStopping?.metric), ("snapshots.best", best)] {
            guard let name, name != "loss", !names.contains(name) else { continue }
            throw CommandError.usage(
                "\(key): '\(name.escapedForDisplay())' is not measured; it must be one of "
                    + (["loss"] + names).joined(separator: ", "))
        }
        guard let earlyStopping else { return }
        guard earlyStopping.patience >= 1 else {
            throw CommandError.usage("earlyStopping.patience: \(earlyStopping.patience) is too small; at least 1")
        }
        guard earlyStopping.minimumDelta >= 0, earlyStopping.minimumDelta.isFinite else {
            throw CommandError.usage(
                "earlyStopping.minimumDelta: \(earlyStopping.minimumDelta) is not usable; it must be at least 0")
        }
    }
}
