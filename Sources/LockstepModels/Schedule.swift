package import LockstepEngine

/// A learning rate as a function of the step. A number is a constant rate.
public enum Schedule: Sendable, Hashable, Codable, CustomStringConvertible, ExpressibleByFloatLiteral {
    case constant(Double)
    /// Rises in a line over `warmUpSteps` steps to `from`, then falls along half a cosine towards zero.
    case cosine(from: Double, warmUpSteps: Int = 0)

    public init(floatLiteral value: Double) { self = .constant(value) }

    /// The rate of step `step` of `steps`, both counted from 1.
    ///
    /// After W warm-up steps of T it is from·½(1 + cos(π(t−1−W)/(T−W))), evaluated as
    /// from·sin²(π/2 · (T−t+1)/(T−W)), which loses no digits near the end. The sine is the kernels', so that the bits
    /// are the same on every machine.
    package func rate(atStep step: Int, of steps: Int, kernels: Kernels) -> Double {
        switch self {
        case .constant(let rate): return rate
        case .cosine(let from, let warmUpSteps):
            if step <= warmUpSteps { return from * Double(step) / Double(warmUpSteps) }
            let left = Double(max(0, steps - step + 1)) / Double(max(1, steps - warmUpSteps))
            let angle = Double.pi / 2 * left
            let sine = Double(kernels.sine(Float(angle)))
            return from * (sine * sine)
        }
    }

    public var description: String {
        switch self {
        case .constant(let rate): "\(rate)"
        case .cosine(let from, let warmUpSteps): text("cosine", ("from", from), ("warmUpSteps", warmUpSteps))
        }
    }
}
