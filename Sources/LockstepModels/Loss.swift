internal import LockstepEngine

/// What training minimises: one value a sample, whose mean over the batch counts.
public enum Loss: String, Sendable, Hashable, Codable, CustomStringConvertible {
    /// −log softmax(logits)[class], as PyTorch's `cross_entropy`. The accuracy comes with it.
    case softmaxCrossEntropy

    public var description: String { rawValue }

    var kind: LossKind {
        switch self {
        case .softmaxCrossEntropy: .softmaxCrossEntropy
        }
    }
}
