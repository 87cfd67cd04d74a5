internal import CLockstepKernels

/// What a sample's target is.
package enum TargetKind: Sendable, Hashable {
    /// One Int32, the number of a class.
    case classes
    /// So many Int32s, the number of a class for each position; one below 0 counts nothing.
    case classSequence(Int)
    /// So many floats.
    case values(Int)

    /// Words of 4 bytes a sample.
    package var elements: Int {
        switch self {
        case .classes: 1
        case .classSequence(let count), .values(let count): count
        }
    }
}

/// What a job minimises: one value a sample.
package enum LossKind: Sendable, Hashable {
    case softmaxCrossEntropy
    /// `classWeights`: one for each class, or none at all.
    case smoothedSoftmaxCrossEntropy(smoothing: Float, classWeights: [Float])
    /// The mean over a sample's outputs.
    case squaredError
    case absoluteError
    case huber(delta: Float)
    /// Of logits.
    case binaryCrossEntropy(positiveWeight: Float)

    /// The name with its settings, in a model's description.
    var text: String {
        switch self {
        case .softmaxCrossEntropy: "softmaxCrossEntropy"
        case .smoothedSoftmaxCrossEntropy(let smoothing, let weights):
            "softmaxCrossEntropy[labelSmoothing:\(smoothing),classWeights:\(weights)]"
        case .squaredError: "meanSquaredError"
        case .absoluteError: "meanAbsoluteError"
        case .huber(let delta): "huber[delta:\(delta)]"
        case .binaryCrossEntropy(let weight): "binaryCrossEntropy[positiveWeight:\(weight)]"
        }
    }

    /// The name without settings, as a job file spells it.
    var name: String { String(text.prefix { $0 != "[" }) }

    var takesClasses: Bool { elementwise == nil }

    /// True for the kernel that also tells which guesses are right.
    var tellsCorrect: Bool { self == .softmaxCrossEntropy }

    /// The place of the gradient among the results of the loss's node: after the losses and what else the kernel tells.
    var gradientResult: Int { tellsCorrect ? 2 : 1 }

    var classWeights: [Float] {
        if case .smoothedSoftmaxCrossEntropy(_, let weights) = self { weights } else { [] }
    }

    /// The kernel's kind and parameter of a loss that compares values.
    var elementwise: (kind: ls_elementwise_loss, parameter: Float)? {
        switch self {
        case .softmaxCrossEntropy, .smoothedSoftmaxCrossEntropy: nil
        case .squaredError: (LS_SQUARED_ERROR, 0)
        case .absoluteError: (LS_ABSOLUTE_ERROR, 0)
        case .huber(let delta): (LS_HUBER, delta)
        case .binaryCrossEntropy(let weight): (LS_BINARY_CROSS_ENTROPY, weight)
        }
    }
}
