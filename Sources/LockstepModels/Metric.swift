internal import LockstepEngine

/// What is reported beside the loss. Each is made of sums over samples, so that lanes and workers can be added.
public enum Metric: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The share of guesses that are right: the first of the greatest outputs, or with binary cross-entropy the sign of
    /// each logit.
    case accuracy
    /// The share of samples whose class is among the k greatest outputs.
    case topK(Int)
    /// How often each class was taken for each.
    case confusionMatrix
    /// Right guesses of a class among the guesses of it: the mean over classes, or of the positive class with binary
    /// cross-entropy. A class that is never guessed has 0.
    case precision
    /// Right guesses of a class among the samples of it: the mean over classes, or of the positive class.
    case recall
    /// The harmonic mean of precision and recall of a class: the mean over classes, or of the positive class.
    case f1
    /// The area under the curve of right against wrong positives, from a histogram of the positive class's probability
    /// in 512 bins. For two classes or one logit. ½ where one class has no samples.
    case rocAUC
    /// The mean of |output − target|.
    case meanAbsoluteError
    /// 1 − Σ error² / Σ (target − mean target)², the mean over outputs.
    case rSquared

    /// What is reported where a job names nothing.
    package static func defaults(for loss: Loss) -> [Metric] {
        switch loss {
        case .softmaxCrossEntropy, .smoothedSoftmaxCrossEntropy, .binaryCrossEntropy: [.accuracy]
        case .meanSquaredError, .meanAbsoluteError, .huber: [.meanAbsoluteError]
        }
    }

    /// True where more of the value of this name (`accuracy`, `top5`, `loss`) is better.
    package static func isGreaterBetter(_ name: String) -> Bool {
        name != "loss" && name != Metric.meanAbsoluteError.name
    }

    /// The name of its value in reports: `accuracy`, `top5`.
    package var name: String {
        switch self {
        case .accuracy: "accuracy"
        case .topK(let k): "top\(k)"
        case .confusionMatrix: "confusionMatrix"
        case .precision: "precision"
        case .recall: "recall"
        case .f1: "f1"
        case .rocAUC: "rocAUC"
        case .meanAbsoluteError: "meanAbsoluteError"
        case .rSquared: "rSquared"
        }
    }

    public var description: String {
        if case .topK(let k) = self { text("topK", ("k", k)) } else { name }
    }

    /// The sums that it is made of, nil where it does not fit the loss.
    func sums(loss: Loss, outputs: Int) -> [MetricSum]? {
        let isBinary = if case .binaryCrossEntropy = loss { true } else { false }
        switch self {
        case .accuracy: return loss.takesClasses ? [.samples, .correct] : isBinary ? [.decisions] : nil
        case .topK(let k): return loss.takesClasses ? [.samples, .topK(k)] : nil
        case .confusionMatrix: return loss.takesClasses ? [.confusion(outputs)] : isBinary ? [.decisions] : nil
        case .precision, .recall, .f1:
            return loss.takesClasses ? [.classCounts(outputs)] : isBinary ? [.decisions] : nil
        case .rocAUC:
            if loss.takesClasses { return outputs == 2 ? [.scores(classes: true)] : nil }
            return isBinary && outputs == 1 ? [.scores(classes: false)] : nil
        case .meanAbsoluteError: return loss.takesClasses ? nil : [.samples, .absoluteError]
        case .rSquared: return loss.takesClasses || isBinary ? nil : [.samples, .residuals(outputs)]
        }
    }

    /// What it needs, for the message where it does not fit.
    var demand: String {
        switch self {
        case .accuracy, .confusionMatrix, .precision, .recall, .f1: "softmaxCrossEntropy or binaryCrossEntropy"
        case .topK: "softmaxCrossEntropy"
        case .rocAUC: "two classes, or binaryCrossEntropy with one output"
        case .meanAbsoluteError: "a loss of values"
        case .rSquared: "meanSquaredError, meanAbsoluteError or huber"
        }
    }
}
