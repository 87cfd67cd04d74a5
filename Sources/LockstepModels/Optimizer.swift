internal import LockstepCore
package import LockstepEngine

/// How the mean gradient changes the parameters. Defaults and formulas are PyTorch's.
public enum Optimizer: Sendable, Hashable, Codable, CustomStringConvertible {
    case sgd(learningRate: Schedule)
    case adam(learningRate: Schedule, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8)

    public var learningRate: Schedule {
        switch self {
        case .sgd(let learningRate), .adam(let learningRate, _, _, _): learningRate
        }
    }

    public var description: String {
        switch self {
        case .sgd(let learningRate): text("sgd", ("learningRate", learningRate))
        case .adam(let learningRate, let beta1, let beta2, let epsilon):
            text(
                "adam", ("learningRate", learningRate), ("beta1", beta1), ("beta2", beta2), ("epsilon", epsilon))
        }
    }

    package var kind: OptimizerKind {
        switch self {
        case .sgd: .sgd
        case .adam: .adam
        }
    }

    /// The constants of step `step` of `steps`, both counted from 1.
    ///
    /// - Parameter totalWeight: the sum of the weights of the batch's samples.
    package func step(_ step: Int, of steps: Int, totalWeight: Double, kernels: Kernels) -> OptimizerStep {
        let rate = learningRate.rate(atStep: step, of: steps, kernels: kernels)
        switch self {
        case .sgd:
            return .sgd(rate: rate, totalWeight: totalWeight)
        case .adam(_, let beta1, let beta2, let epsilon):
            return .adam(
                rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, step: step, totalWeight: totalWeight)
        }
    }

    /// Checks every setting.
    ///
    /// - Throws: `CommandError.usage` that names the setting by its key in a job file.
    package func validate() throws {
        switch learningRate {
        case .constant(let rate): try check(rate, "learningRate")
        case .cosine(let from, let warmUpSteps):
            try check(from, "learningRate.cosine.from")
            guard warmUpSteps >= 0 else {
                throw refusal("learningRate.cosine.warmUpSteps", "\(warmUpSteps)", "at least 0")
            }
        }
        guard case .adam(_, let beta1, let beta2, let epsilon) = self else { return }
        for (name, beta) in [("beta1", beta1), ("beta2", beta2)] {
            guard beta >= 0, Float(beta) < 1 else { throw refusal(name, "\(beta)", "at least 0 and below 1") }
        }
        // Zero, also by underflow, would make 0/0 of a parameter whose gradient is zero.
        guard Float(epsilon) > 0, Float(epsilon).isFinite else {
            throw refusal("epsilon", "\(epsilon)", "a positive single-precision number")
        }
    }

    private func check(_ rate: Double, _ key: String) throws {
        guard rate >= 0, Float(rate).isFinite else {
            throw refusal(key, "\(rate)", "a single-precision number of at least 0")
        }
    }

    private func refusal(_ key: String, _ value: String, _ allowed: String) -> CommandError {
        let name =
            switch self {
            case .sgd: "sgd"
            case .adam: "adam"
            }
        return CommandError.usage("optimizer.\(name).\(key): \(value) is not usable; it must be \(allowed)")
    }
}
