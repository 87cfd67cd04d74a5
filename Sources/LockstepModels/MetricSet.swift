internal import LockstepCore
package import LockstepEngine

/// The metrics of a job for one loss and number of outputs: which sums they need, and what they make of them.
package struct MetricSet: Sendable {
    package let metrics: [Metric]
    /// The sums in the order in which they stand in records; each stands once, however many metrics use it.
    package let sums: [MetricSum]
    private let parts: [[MetricSum]]

    /// No job has more sums than this.
    package static let greatestSumCount = 4096

    /// - Parameter outputs: floats that the model gives for one sample.
    /// - Throws: `CommandError.usage` where a metric does not fit the loss, is named twice, or there are too many sums.
    package init(_ metrics: [Metric], loss: Loss, outputs: Int) throws {
        var sums: [MetricSum] = []
        var parts: [[MetricSum]] = []
        for (index, metric) in metrics.enumerated() {
            if case .topK(let k) = metric, k < 1 || k > outputs {
                throw CommandError.usage("metrics: topK \(k) is not usable; it must be 1 to \(outputs), the outputs")
            }
            guard !metrics[..<index].contains(metric) else {
                throw CommandError.usage("metrics: \(metric.name) is named twice; remove one")
            }
            guard let needed = metric.sums(loss: loss, outputs: outputs) else {
                throw CommandError.usage(
                    "metrics: \(metric.name) does not fit \(loss) with \(outputs) outputs; it needs \(metric.demand)")
            }
            parts.append(needed)
            for sum in needed where !sums.contains(sum) { sums.append(sum) }
        }
        // A count by itself may be as large as an Int.
        let limit = MetricSet.greatestSumCount
        guard !sums.contains(where: { $0.count > limit }), sums.reduce(0, { $0 + $1.count }) <= limit else {
            throw CommandError.usage(
                "metrics: with \(outputs) outputs they need more than \(MetricSet.greatestSumCount) sums; "
                    + "leave out confusionMatrix, precision, recall and f1")
        }
        self.metrics = metrics
        self.sums = sums
        self.parts = parts
    }

    /// Doubles of all sums together.
    package var sumCount: Int { sums.reduce(0) { $0 + $1.count } }

    /// The scalar metrics by name, in their order. Without samples all are 0, and `rocAUC` is ½.
    ///
    /// - Parameter totals: `sumCount` doubles, summed over all lanes (and batches).
    package func values(of totals: ArraySlice<Double>) -> [(name: String, value: Double)] {
        zip(metrics, parts).compactMap { metric, part in
            let totals = part.map { slice(of: $0, in: totals) }
            return value(of: metric, part[0], totals).map { (metric.name, $0) }
        }
    }

    /// The confusion matrix, where it is asked for: a row for each class, in it how often its samples were taken for each.
    package func matrix(of totals: ArraySlice<Double>) -> [[Double]]? {
        guard let index = metrics.firstIndex(of: .confusionMatrix) else { return nil }
        let cells = slice(of: parts[index][0], in: totals)
        let side = parts[index][0] == .decisions ? 2 : Int(Double(cells.count).squareRoot())
        return (0..<side).map { Array(cells[$0 * side..<($0 + 1) * side]) }
    }

    private func slice(of sum: MetricSum, in totals: ArraySlice<Double>) -> [Double] {
        let before = sums.prefix { $0 != sum }.reduce(0) { $0 + $1.count }
        return Array(totals.dropFirst(before).prefix(sum.count))
    }

    private func value(of metric: Metric, _ first: MetricSum, _ totals: [[Double]]) -> Double? {
        switch metric {
        case .accuracy where first == .decisions:
            let cells = totals[0]
            return quotient(cells[0] + cells[3], cells.reduce(0, +))
        case .accuracy, .topK, .meanAbsoluteError: return quotient(totals[1][0], totals[0][0])
        case .confusionMatrix: return nil
        case .precision: return classMean(first, totals[0]) { quotient($0.right, $0.guessed) }
        case .recall: return classMean(first, totals[0]) { quotient($0.right, $0.actual) }
        case .f1: return classMean(first, totals[0]) { quotient(2 * $0.right, $0.actual + $0.guessed) }
        case .rocAUC: return areaUnderCurve(totals[0])
        case .rSquared: return rSquared(samples: totals[0][0], totals[1])
        }
    }

    private typealias ClassCounts = (actual: Double, guessed: Double, right: Double)

    private func classMean(_ sum: MetricSum, _ totals: [Double], _ value: (ClassCounts) -> Double) -> Double {
        if sum == .decisions {
            return value((totals[2] + totals[3], totals[1] + totals[3], totals[3]))
        }
        let classes = totals.count / 3
        let values = (0..<classes).map { value((totals[3 * $0], totals[3 * $0 + 1], totals[3 * $0 + 2])) }
        return quotient(values.reduce(0, +), Double(classes))
    }

    /// The trapezoids between the bins, from the highest probability down.
    private func areaUnderCurve(_ totals: [Double]) -> Double {
        let bins = MetricSum.binCount
        let (negatives, positives) = (totals[..<bins], totals[bins...])
        var (above, area) = (0.0, 0.0)
        for bin in (0..<bins).reversed() {
            let own = positives[bins + bin]
            area += negatives[bin] * (above + own / 2)
            above += own
        }
        let pairs = negatives.reduce(0, +) * above
        return pairs > 0 ? area / pairs : 0.5
    }

    /// An output whose targets are all the same has 1 where every guess is right, else 0.
    private func rSquared(samples: Double, _ totals: [Double]) -> Double {
        guard samples > 0 else { return 0 }
        let outputs = totals.count / 3
        var sum = 0.0
        for output in 0..<outputs {
            let (targets, squares, residuals) = (totals[3 * output], totals[3 * output + 1], totals[3 * output + 2])
            let square = targets * targets
            let spread = squares - square / samples
            sum += spread > 0 ? 1 - residuals / spread : residuals == 0 ? 1 : 0
        }
        return sum / Double(outputs)
    }

    private func quotient(_ part: Double, _ whole: Double) -> Double { whole > 0 ? part / whole : 0 }
}
