/// What is reported beside the loss: a quotient of two sums over samples, so that lanes and workers can be added.
public enum Metric: String, Sendable, Hashable, Codable, CustomStringConvertible {
    /// The share of samples whose class was guessed right.
    case accuracy

    public var description: String { rawValue }

    /// The metric of samples of total weight `weight`, of which `correct` were guessed right; 0 without samples.
    package func value(correct: Double, weight: Double) -> Double {
        switch self {
        case .accuracy: weight > 0 ? correct / weight : 0
        }
    }
}
