internal import LockstepCore
package import LockstepEngine

/// What training minimises: one value a sample, whose mean over the batch counts.
public enum Loss: Sendable, Hashable, Codable, CustomStringConvertible {
    /// −log softmax(logits)[class], as PyTorch's `cross_entropy`.
    case softmaxCrossEntropy
    /// See `softmaxCrossEntropy(labelSmoothing:classWeights:)`, which makes it.
    case smoothedSoftmaxCrossEntropy(labelSmoothing: Double, classWeights: [Double])
    /// The mean of (output − target)² over the outputs.
    case meanSquaredError
    /// The mean of |output − target| over the outputs: L1.
    case meanAbsoluteError
    /// The mean over the outputs of ½·error² up to delta, of delta·(|error| − ½·delta) beyond, as PyTorch's `HuberLoss`.
    case huber(delta: Double = 1)
    /// Of logits and targets in 0 … 1, as PyTorch's `BCEWithLogitsLoss`: the mean over the outputs.
    case binaryCrossEntropy(positiveWeight: Double = 1)

    /// As PyTorch's `cross_entropy` with `label_smoothing` and `weight`: the mean is Σ losses / Σ weights of the samples'
    /// classes.
    ///
    /// - Parameters:
    ///   - labelSmoothing: how much of the target is spread over all classes, at least 0 and below 1.
    ///   - classWeights: one for each class, or none.
    public static func softmaxCrossEntropy(labelSmoothing: Double = 0, classWeights: [Double] = []) -> Loss {
        guard labelSmoothing != 0 || !classWeights.isEmpty else { return .softmaxCrossEntropy }
        return .smoothedSoftmaxCrossEntropy(labelSmoothing: labelSmoothing, classWeights: classWeights)
    }

    /// Canonical: equal losses have one text.
    public var description: String {
        switch self {
        case .softmaxCrossEntropy: "softmaxCrossEntropy"
        case .smoothedSoftmaxCrossEntropy(let smoothing, let weights):
            text(
                "softmaxCrossEntropy", ("labelSmoothing", smoothing),
                ("classWeights", weights.isEmpty ? nil : "\(weights)"))
        case .meanSquaredError: "meanSquaredError"
        case .meanAbsoluteError: "meanAbsoluteError"
        case .huber(let delta): text("huber", ("delta", delta))
        case .binaryCrossEntropy(let weight): text("binaryCrossEntropy", ("positiveWeight", weight))
        }
    }

    /// True where a sample's target is a class, false where it is a value for each output.
    package var takesClasses: Bool {
        switch self {
        case .softmaxCrossEntropy, .smoothedSoftmaxCrossEntropy: true
        default: false
        }
    }

    /// Checks every setting.
    ///
    /// - Throws: `CommandError.usage` that names the setting by its key in a job file.
    package func validate() throws {
        switch self {
        case .softmaxCrossEntropy, .meanSquaredError, .meanAbsoluteError: break
        case .smoothedSoftmaxCrossEntropy(let smoothing, let weights):
            guard smoothing >= 0, Float(smoothing) < 1 else {
                throw refusal("softmaxCrossEntropy.labelSmoothing", "\(smoothing)", "at least 0 and below 1")
            }
            for weight in weights where !(weight >= 0 && Float(weight).isFinite) {
                throw refusal(
                    "softmaxCrossEntropy.classWeights", "\(weight)", "a single-precision number of at least 0")
            }
            guard weights.isEmpty || weights.contains(where: { Float($0) > 0 }) else {
                throw refusal("softmaxCrossEntropy.classWeights", "\(weights)", "positive for some class")
            }
        case .huber(let delta):
            guard Float(delta) > 0, Float(delta).isFinite else {
                throw refusal("huber.delta", "\(delta)", "a positive single-precision number")
            }
        case .binaryCrossEntropy(let weight):
            guard Float(weight) > 0, Float(weight).isFinite else {
                throw refusal("binaryCrossEntropy.positiveWeight", "\(weight)", "a positive single-precision number")
            }
        }
    }

    /// Turns the model's outputs into what a prediction shows, in place: probabilities where the loss is of logits.
    ///
    /// - Parameter count: outputs of one sample.
    package func finishPrediction(rows: Int, count: Int, _ values: UnsafeMutablePointer<Float>, kernels: Kernels) {
        switch self {
        case .softmaxCrossEntropy, .smoothedSoftmaxCrossEntropy:
            kernels.softmax(rows: rows, count: count, values)
        case .binaryCrossEntropy: kernels.sigmoid(count: rows * count, values)
        case .meanSquaredError, .meanAbsoluteError, .huber: break
        }
    }

    var kind: LossKind {
        switch self {
        case .softmaxCrossEntropy: .softmaxCrossEntropy
        case .smoothedSoftmaxCrossEntropy(let smoothing, let weights):
            .smoothedSoftmaxCrossEntropy(smoothing: Float(smoothing), classWeights: weights.map { Float($0) })
        case .meanSquaredError: .squaredError
        case .meanAbsoluteError: .absoluteError
        case .huber(let delta): .huber(delta: Float(delta))
        case .binaryCrossEntropy(let weight): .binaryCrossEntropy(positiveWeight: Float(weight))
        }
    }

    private func refusal(_ key: String, _ value: String, _ allowed: String) -> CommandError {
        CommandError.usage("loss.\(key): \(value) is not usable; it must be \(allowed)")
    }
}
