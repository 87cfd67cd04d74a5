internal import LockstepCore
package import LockstepEngine

/// How the mean gradient changes the parameters. Defaults and formulas are PyTorch's.
public enum Optimizer: Sendable, Hashable, Codable, CustomStringConvertible {
    case sgd(learningRate: Schedule, momentum: Double = 0, dampening: Double = 0, nesterov: Bool = false)
    case adam(learningRate: Schedule, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8)
    /// Adam, with parameters multiplied by 1 − rate · weightDecay first.
    case adamW(
        learningRate: Schedule, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: Double = 0.01)
    case rmsprop(learningRate: Schedule, alpha: Double = 0.99, epsilon: Double = 1e-8, momentum: Double = 0)
    case adagrad(learningRate: Schedule, learningRateDecay: Double = 0, epsilon: Double = 1e-10)

    public var learningRate: Schedule {
        switch self {
        case .sgd(let learningRate, _, _, _), .adam(let learningRate, _, _, _), .adamW(let learningRate, _, _, _, _),
            .rmsprop(let learningRate, _, _, _), .adagrad(let learningRate, _, _):
            learningRate
        }
    }

    public var description: String {
        switch self {
        case .sgd(let learningRate, 0, 0, false): text("sgd", ("learningRate", learningRate))
        case .sgd(let learningRate, let momentum, let dampening, let nesterov):
            text(
                "sgd", ("learningRate", learningRate), ("momentum", momentum), ("dampening", dampening),
                ("nesterov", nesterov))
        case .adam(let learningRate, let beta1, let beta2, let epsilon):
            text(
                "adam", ("learningRate", learningRate), ("beta1", beta1), ("beta2", beta2), ("epsilon", epsilon))
        case .adamW(let learningRate, let beta1, let beta2, let epsilon, let weightDecay):
            text(
                "adamW", ("learningRate", learningRate), ("beta1", beta1), ("beta2", beta2), ("epsilon", epsilon),
                ("weightDecay", weightDecay))
        case .rmsprop(let learningRate, let alpha, let epsilon, let momentum):
            text(
                "rmsprop", ("learningRate", learningRate), ("alpha", alpha), ("epsilon", epsilon),
                ("momentum", momentum))
        case .adagrad(let learningRate, let learningRateDecay, let epsilon):
            text(
                "adagrad", ("learningRate", learningRate), ("learningRateDecay", learningRateDecay),
                ("epsilon", epsilon))
        }
    }

    package var kind: OptimizerKind {
        switch self {
        case .sgd(_, let momentum, _, _): momentum == 0 ? .sgd : .momentum
        case .adam: .adam
        case .adamW: .adamW
        // As the kernel's constants have it.
        case .rmsprop(_, _, _, let momentum): Float(momentum) == 0 ? .rmsprop : .rmspropWithMomentum
        case .adagrad: .adagrad
        }
    }

    /// The constants of step `step` of `steps`, both counted from 1.
    ///
    /// - Parameters:
    ///   - totalWeight: the sum of the weights of the batch's samples.
    ///   - plateauFactor: by what a plateau has reduced the rate so far.
    package func step(
        _ step: Int, of steps: Int, totalWeight: Double, regularization: Regularization = .none,
        clipping: Clipping? = nil, plateauFactor: Double = 1, kernels: Kernels
    ) -> OptimizerStep {
        let rate = learningRate.rate(atStep: step, of: steps, plateauFactor: plateauFactor, kernels: kernels)
        let (maximumNorm, maximumValue): (Double?, Double) =
            switch clipping {
            case .norm(let bound): (bound, 0)
            case .value(let bound): (nil, bound)
            case nil: (nil, 0)
            }
        return rule(step, rate: rate, totalWeight: totalWeight).preparing(
            maximumNorm: maximumNorm, maximumValue: Float(maximumValue), l1: Float(regularization.l1),
            l2: Float(regularization.l2))
    }

    private func rule(_ step: Int, rate: Double, totalWeight: Double) -> OptimizerStep {
        switch self {
        case .sgd(_, 0, _, _): .sgd(rate: rate, totalWeight: totalWeight)
        case .sgd(_, let momentum, let dampening, let nesterov):
            .momentum(
                rate: rate, momentum: momentum, dampening: dampening, nesterov: nesterov, step: step,
                totalWeight: totalWeight)
        case .adam(_, let beta1, let beta2, let epsilon):
            .adam(rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, step: step, totalWeight: totalWeight)
        case .adamW(_, let beta1, let beta2, let epsilon, let weightDecay):
            .adamW(
                rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay, step: step,
                totalWeight: totalWeight)
        case .rmsprop(_, let alpha, let epsilon, let momentum):
            .rmsprop(rate: rate, alpha: alpha, epsilon: epsilon, momentum: momentum, totalWeight: totalWeight)
        case .adagrad(_, let decay, let epsilon):
            .adagrad(rate: rate, decay: decay, epsilon: epsilon, step: step, totalWeight: totalWeight)
        }
    }
}
