/// What a watch remembers from evaluation to evaluation. A pure function of what it observed, so every worker has the
/// same; snapshots carry it as numbers.
package struct WatchState: Sendable, Hashable {
    /// Of the value that early stopping watches; means something where `bestStep` is not 0.
    package private(set) var bestValue = 0.0
    /// The step of the best evaluation, 0 before there is one.
    package private(set) var bestStep = 0
    /// Evaluations since then.
    package private(set) var badEvaluations = 0
    /// The least loss that a plateau has seen.
    private var plateauLeast = 0.0
    /// Evaluations since then or since the last reduction; −1 before there is one.
    private var plateauBad = -1
    /// What the rate of a plateau is multiplied by.
    package private(set) var plateauFactor = 1.0
    /// The run was told to end.
    package private(set) var isStopped = false
    /// The best of the values by which snapshots are judged; means something where `bestSnapshotStep` is not 0.
    package private(set) var bestSnapshotValue = 0.0
    /// The step of that value, 0 before there is one.
    package private(set) var bestSnapshotStep = 0

    /// The state before the first evaluation.
    package init() {}

    package static let numberCount = 9

    /// - Parameter numbers: `WatchState.numbers`. Nil where they cannot be: another count, a count that is no whole
    ///   number, something that is not finite.
    package init?(numbers: [Double]) {
        guard numbers.count == WatchState.numberCount, numbers.allSatisfy(\.isFinite),
            let bestStep = Int(exactly: numbers[1]), let badEvaluations = Int(exactly: numbers[2]),
            let plateauBad = Int(exactly: numbers[4]), let bestSnapshotStep = Int(exactly: numbers[8]),
            bestStep >= 0, badEvaluations >= 0, plateauBad >= -1, bestSnapshotStep >= 0,
            numbers[5] >= 0, numbers[5] <= 1, numbers[6] == 0 || numbers[6] == 1
        else { return nil }
        bestValue = numbers[0]
        self.bestStep = bestStep
        self.badEvaluations = badEvaluations
        plateauLeast = numbers[3]
        self.plateauBad = plateauBad
        plateauFactor = numbers[5]
        isStopped = numbers[6] == 1
        bestSnapshotValue = numbers[7]
        self.bestSnapshotStep = bestSnapshotStep
    }

    package var numbers: [Double] {
        [
            bestValue, Double(bestStep), Double(badEvaluations), plateauLeast, Double(plateauBad), plateauFactor,
            isStopped ? 1 : 0, bestSnapshotValue, Double(bestSnapshotStep),
        ]
    }

    /// Takes in the evaluation after `step`. A value that is not finite is never better.
    ///
    /// - Parameter metrics: the values beside the loss.
    package mutating func observe(
        _ watch: Watch, loss: Double, metrics: [(name: String, value: Double)], step: Int
    ) -> Watch.Outcome {
        func value(_ name: String) -> Double {
            name == "loss" ? loss : metrics.first { $0.name == name }?.value ?? .nan
        }
        var outcome = Watch.Outcome()
        if let stopping = watch.earlyStopping {
            let value = value(stopping.metric)
            let isGreaterBetter = Metric.isGreaterBetter(stopping.metric)
            let best = bestStep > 0 ? bestValue : nil
            if WatchState.isBetter(value, than: best, by: stopping.minimumDelta, isGreaterBetter: isGreaterBetter) {
                (bestValue, bestStep, badEvaluations) = (value, step, 0)
                outcome.isImproved = true
            } else {
                badEvaluations += 1
                if badEvaluations >= stopping.patience { isStopped = true }
            }
        }
        if let plateau = watch.plateau { observe(plateau, loss: loss) }
        if let name = watch.best {
            let value = value(name)
            let best = bestSnapshotStep > 0 ? bestSnapshotValue : nil
            if WatchState.isBetter(value, than: best, by: 0, isGreaterBetter: Metric.isGreaterBetter(name)) {
                (bestSnapshotValue, bestSnapshotStep) = (value, step)
                outcome.isBest = true
            }
        }
        outcome.stops = isStopped
        return outcome
    }

    /// PyTorch's `ReduceLROnPlateau`: the rate falls at the first evaluation beyond the patience.
    private mutating func observe(_ plateau: Watch.Plateau, loss: Double) {
        let least = plateauBad >= 0 ? plateauLeast : nil
        if WatchState.isBetter(loss, than: least, by: plateau.minimumDelta, isGreaterBetter: false) {
            (plateauLeast, plateauBad) = (loss, 0)
        } else if plateauBad >= 0 {
            plateauBad += 1
            if plateauBad > plateau.patience {
                plateauFactor *= plateau.factor
                plateauBad = 0
            }
        }
    }

    private static func isBetter(
        _ value: Double, than best: Double?, by delta: Double, isGreaterBetter: Bool
    ) -> Bool {
        guard value.isFinite else { return false }
        guard let best else { return true }
        return isGreaterBetter ? value > best + delta : value < best - delta
    }
}
