internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepModels

extension Job {
    /// Checks every setting that needs neither data nor plan. A job file's have been checked with their places.
    ///
    /// - Throws: `CommandError.usage` that names the setting by its key.
    func validate() throws {
        try loss.validate()
        try optimizer.validate()
        try regularization.validate()
        try clipping?.validate()
        for (index, rule) in initialValues.enumerated() { try rule.validate(key: "initialValues.\(index)") }
        for (key, value, range) in [
            ("batchSize", batchSize, 1...1 << 20), ("lanes", lanes, 1...4096),
            ("snapshots.everySteps", snapshots.everySteps ?? 1, 1...1 << 31),
            ("snapshots.keep", snapshots.keep, 1...1 << 24), ("audit.everySteps", audit.everySteps ?? 1, 1...1 << 31),
            ("traces.sample", traces.sample, 1...1 << 31),
        ] where !range.contains(value) {
            throw CommandError.usage(
                "\(key): \(value) is out of range; from \(range.lowerBound) to \(range.upperBound)")
        }
        guard traces.slow >= 1, traces.slow.isFinite else {
            throw CommandError.usage("traces.slow: \(traces.slow) is not usable; it must be at least 1")
        }
    }

    /// T, the last step.
    func stepCount(stepsPerEpoch: Int) throws(CommandError) -> Int {
        let (count, overflow) =
            switch length {
            case .epochs(let epochs): epochs.multipliedReportingOverflow(by: stepsPerEpoch)
            case .steps(let steps): (steps, false)
            }
        guard count >= 1 else { throw .usage("a job needs at least one step; give epochs or steps of at least 1") }
        guard !overflow, count <= Int(UInt32.max) / 2 else {
            throw .usage("\(overflow ? "so many" : "\(count)") steps are too many; shorten epochs or enlarge batchSize")
        }
        return count
    }

    /// What needs evaluations after each epoch, by its key.
    var watching: String {
        if earlyStopping != nil { return "earlyStopping" }
        return snapshots.best == nil ? "the schedule plateau" : "snapshots.best"
    }

    /// What decides the bits of the state, as text: a line a setting. What is not used has no line, so that a new
    /// setting leaves the digests of older jobs as they are.
    func description(
        train: Digest, validation: (any SampleReader)?, test: (any SampleReader)?, weights: Digest?, plan: Plan
    ) -> String {
        var lines = [
            "lockstep job 1",
            "arithmetic \(Plan.arithmeticVersion)",
            "loss \(loss)",
            "optimizer \(optimizer)",
            "train \(train)",
            "test \(test.map { $0.contentDigest.description } ?? "none")",
            "batchSize \(batchSize)",
            "lanes \(lanes)",
            length.description,
            "seed \(seed)",
        ]
        switch self.validation {
        case .split(let fraction)?: lines.append("validation \(Split(fraction).canonicalDescription)")
        case .source?: lines.append("validation \(validation.map { $0.contentDigest.description } ?? "none")")
        case nil: break
        }
        if !transforms.steps.isEmpty { lines.append("transforms \(transforms.canonicalDescription)") }
        if !shuffle { lines.append("shuffle false") }
        if regularization != .none { lines.append("\(regularization)") }
        if let clipping { lines.append("clipping \(clipping)") }
        if let earlyStopping { lines.append("\(earlyStopping)") }
        // What is watched is remembered in the state.
        if let best = snapshots.best { lines.append("best \(best)") }
        if let weights { lines.append("initialize \(weights)") }
        for entry in plan.layout.entries where !entry.isBuffer && entry.initializer != .uniformByFanIn {
            lines.append("initial \(entry.name) \(entry.initializer)")
        }
        lines.append("model")
        return lines.joined(separator: "\n") + "\n" + plan.modelDescription
    }
}

extension Job.Length {
    fileprivate var description: String {
        switch self {
        case .epochs(let epochs): "epochs \(epochs)"
        case .steps(let steps): "steps \(steps)"
        }
    }
}
