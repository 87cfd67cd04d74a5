internal import CLockstepKernels

/// Sums over samples of which metrics are made: doubles, added sample by sample in the order of the samples within a
/// lane, and over lanes by the tree. Where a sample's target is a sequence of classes, each position is a sample here.
package enum MetricSum: Sendable, Hashable {
    /// The number of samples.
    case samples
    /// The samples whose class is the first of the greatest outputs.
    case correct
    /// The samples whose class is among the k greatest outputs, the first of equals being greater.
    case topK(Int)
    /// For each of so many classes: samples of it, guesses of it, right guesses of it.
    case classCounts(Int)
    /// For each of so many classes a row: how often its samples were taken for each class.
    case confusion(Int)
    /// Two classes by the sign of a logit, over all outputs: a row for the negatives, one for the positives (targets
    /// above ½); in each how many were taken for negative, for positive.
    case decisions
    /// For negatives, then positives: a histogram of `MetricSum.binCount` bins of the positive class's probability.
    /// The output is one logit, or there are two classes.
    case scores(classes: Bool)
    /// The mean over outputs of |output − target|.
    case absoluteError
    /// For each of so many outputs: Σ target, Σ target², Σ (target − output)².
    case residuals(Int)

    package static let binCount = 512

    /// How many doubles it is.
    package var count: Int {
        switch self {
        case .samples, .correct, .topK, .absoluteError: 1
        case .classCounts(let classes): classes.multipliedSaturating(by: 3)
        case .confusion(let classes): classes.multipliedSaturating(by: classes)
        case .decisions: 4
        case .scores: 2 * MetricSum.binCount
        case .residuals(let outputs): outputs.multipliedSaturating(by: 3)
        }
    }

    /// Adds one sample.
    ///
    /// - Parameters:
    ///   - sums: `count` doubles.
    ///   - target: the sample's target.
    func add(
        _ outputs: UnsafeBufferPointer<Float>, _ target: UnsafeRawPointer, into sums: UnsafeMutablePointer<Double>,
        _ kernels: UnsafePointer<ls_kernels>
    ) {
        switch self {
        case .samples: sums[0] += 1
        case .correct: sums[0] += MetricSum.guess(outputs) == label(target) ? 1 : 0
        case .topK(let k): sums[0] += MetricSum.rank(of: label(target), in: outputs) < k ? 1 : 0
        case .classCounts:
            let (actual, guess) = (label(target), MetricSum.guess(outputs))
            sums[3 * actual] += 1
            sums[3 * guess + 1] += 1
            if actual == guess { sums[3 * actual + 2] += 1 }
        case .confusion(let classes): sums[label(target) * classes + MetricSum.guess(outputs)] += 1
        case .decisions:
            let values = target.assumingMemoryBound(to: Float.self)
            for index in outputs.indices {
                sums[(values[index] > 0.5 ? 2 : 0) + (outputs[index] > 0 ? 1 : 0)] += 1
            }
        case .scores(let classes):
            let logit = classes ? outputs[1] - outputs[0] : outputs[0]
            let isPositive = classes ? label(target) == 1 : target.assumingMemoryBound(to: Float.self)[0] > 0.5
            sums[(isPositive ? MetricSum.binCount : 0) + MetricSum.bin(ofLogit: logit, kernels)] += 1
        case .absoluteError:
            let values = target.assumingMemoryBound(to: Float.self)
            var sum = 0.0
            for index in outputs.indices { sum += (Double(outputs[index]) - Double(values[index])).magnitude }
            sums[0] += sum / Double(outputs.count)
        case .residuals:
            let values = target.assumingMemoryBound(to: Float.self)
            for index in outputs.indices {
                let value = Double(values[index])
                let error = value - Double(outputs[index])
                let (square, squaredError) = (value * value, error * error)
                sums[3 * index] += value
                sums[3 * index + 1] += square
                sums[3 * index + 2] += squaredError
            }
        }
    }

    private func label(_ target: UnsafeRawPointer) -> Int { Int(target.assumingMemoryBound(to: Int32.self)[0]) }

    /// The first of the greatest outputs.
    private static func guess(_ outputs: UnsafeBufferPointer<Float>) -> Int {
        var best = 0
        for index in outputs.indices where outputs[index] > outputs[best] { best = index }
        return best
    }

    /// How many outputs are greater than that of `label`, or equal and before it.
    private static func rank(of label: Int, in outputs: UnsafeBufferPointer<Float>) -> Int {
        let own = outputs[label]
        var rank = 0
        for index in outputs.indices where outputs[index] > own || (outputs[index] == own && index < label) {
            rank += 1
        }
        return rank
    }

    /// The bin of the logit's probability; the first where it is not a number.
    private static func bin(ofLogit logit: Float, _ kernels: UnsafePointer<ls_kernels>) -> Int {
        var (x, probability) = (logit, Float(0))
        kernels.pointee.activation(LS_SIGMOID, 0, 1, &x, &probability)
        guard probability >= 0 else { return 0 }
        return min(Int(probability * Float(binCount)), binCount - 1)
    }
}
