internal import LockstepCore
package import LockstepEngine

/// How the mean gradient changes the parameters. Defaults and formulas are PyTorch's. Parameters that no group names
/// have the optimizer's own settings.
public enum Optimizer: Sendable, Hashable, Codable, CustomStringConvertible {
    case sgd(
        learningRate: Schedule, momentum: Double = 0, dampening: Double = 0, nesterov: Bool = false,
        groups: [ParameterGroup] = [])
    case adam(
        learningRate: Schedule, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        groups: [ParameterGroup] = [])
    /// Adam, with parameters multiplied by 1 − rate · weightDecay first.
    case adamW(
        learningRate: Schedule, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: Double = 0.01, groups: [ParameterGroup] = [])
    case rmsprop(
        learningRate: Schedule, alpha: Double = 0.99, epsilon: Double = 1e-8, momentum: Double = 0,
        groups: [ParameterGroup] = [])
    case adagrad(
        learningRate: Schedule, learningRateDecay: Double = 0, epsilon: Double = 1e-10, groups: [ParameterGroup] = [])

    public var learningRate: Schedule {
        switch self {
        case .sgd(let learningRate, _, _, _, _), .adam(let learningRate, _, _, _, _),
            .adamW(let learningRate, _, _, _, _, _), .rmsprop(let learningRate, _, _, _, _),
            .adagrad(let learningRate, _, _, _):
            learningRate
        }
    }

    public var groups: [ParameterGroup] {
        switch self {
        case .sgd(_, _, _, _, let groups), .adam(_, _, _, _, let groups), .adamW(_, _, _, _, _, let groups),
            .rmsprop(_, _, _, _, let groups), .adagrad(_, _, _, let groups):
            groups
        }
    }

    public var description: String {
        let groups = (
            name: "groups", value: self.groups.isEmpty ? nil : "\(self.groups)" as (any CustomStringConvertible)?
        )
        return switch self {
        case .sgd(let learningRate, 0, 0, false, _): text("sgd", ("learningRate", learningRate), groups)
        case .sgd(let learningRate, let momentum, let dampening, let nesterov, _):
            text(
                "sgd", ("learningRate", learningRate), ("momentum", momentum), ("dampening", dampening),
                ("nesterov", nesterov), groups)
        case .adam(let learningRate, let beta1, let beta2, let epsilon, _):
            text(
                "adam", ("learningRate", learningRate), ("beta1", beta1), ("beta2", beta2), ("epsilon", epsilon),
                groups)
        case .adamW(let learningRate, let beta1, let beta2, let epsilon, let weightDecay, _):
            text(
                "adamW", ("learningRate", learningRate), ("beta1", beta1), ("beta2", beta2), ("epsilon", epsilon),
                ("weightDecay", weightDecay), groups)
        case .rmsprop(let learningRate, let alpha, let epsilon, let momentum, _):
            text(
                "rmsprop", ("learningRate", learningRate), ("alpha", alpha), ("epsilon", epsilon),
                ("momentum", momentum), groups)
        case .adagrad(let learningRate, let learningRateDecay, let epsilon, _):
            text(
                "adagrad", ("learningRate", learningRate), ("learningRateDecay", learningRateDecay),
                ("epsilon", epsilon), groups)
        }
    }

    package var kind: OptimizerKind {
        switch self {
        case .sgd(_, let momentum, _, _, _): momentum == 0 ? .sgd : .momentum
        case .adam: .adam
        case .adamW: .adamW
        // As the kernel's constants have it.
        case .rmsprop(_, _, _, let momentum, _): Float(momentum) == 0 ? .rmsprop : .rmspropWithMomentum
        case .adagrad: .adagrad
        }
    }

    /// The constants of step `step` of `steps`, both counted from 1.
    ///
    /// - Parameters:
    ///   - totalWeight: the sum of the weights of the batch's samples.
    ///   - groups: this optimizer's, found in a layout.
    ///   - plateauFactor: by what a plateau has reduced the rate so far.
    package func step(
        _ step: Int, of steps: Int, totalWeight: Double, regularization: Regularization = .none,
        clipping: Clipping? = nil, groups: OptimizerGroups? = nil, plateauFactor: Double = 1, kernels: Kernels
    ) -> OptimizerStep {
        let rate = learningRate.rate(atStep: step, of: steps, plateauFactor: plateauFactor, kernels: kernels)
        func constants(_ group: ParameterGroup) -> OptimizerStep {
            var penalties = regularization
            if !isDecaying, let decay = group.weightDecay { penalties.l2 = decay }
            return rule(
                step, rate: rate * group.learningRateFactor, weightDecay: group.weightDecay, totalWeight: totalWeight
            ).preparing(clipping, penalties)
        }
        let base = constants(ParameterGroup(names: []))
        return (groups?.groups ?? []).reduce(base) { $0.with(constants($1.group), for: $1.ranges) }
    }

    /// True where weight decay is the optimizer's own, not a penalty.
    private var isDecaying: Bool {
        if case .adamW = self { true } else { false }
    }

    /// - Parameter weightDecay: instead of AdamW's own.
    private func rule(_ step: Int, rate: Double, weightDecay: Double?, totalWeight: Double) -> OptimizerStep {
        switch self {
        case .sgd(_, 0, _, _, _): .sgd(rate: rate, totalWeight: totalWeight)
        case .sgd(_, let momentum, let dampening, let nesterov, _):
            .momentum(
                rate: rate, momentum: momentum, dampening: dampening, nesterov: nesterov, step: step,
                totalWeight: totalWeight)
        case .adam(_, let beta1, let beta2, let epsilon, _):
            .adam(rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, step: step, totalWeight: totalWeight)
        case .adamW(_, let beta1, let beta2, let epsilon, let ownDecay, _):
            .adamW(
                rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay ?? ownDecay,
                step: step, totalWeight: totalWeight)
        case .rmsprop(_, let alpha, let epsilon, let momentum, _):
            .rmsprop(rate: rate, alpha: alpha, epsilon: epsilon, momentum: momentum, totalWeight: totalWeight)
        case .adagrad(_, let decay, let epsilon, _):
            .adagrad(rate: rate, decay: decay, epsilon: epsilon, step: step, totalWeight: totalWeight)
        }
    }
}

extension OptimizerStep {
    fileprivate func preparing(_ clipping: Clipping?, _ penalties: Regularization) -> OptimizerStep {
        let (maximumNorm, maximumValue): (Double?, Double) =
            switch clipping {
            case .norm(let bound): (bound, 0)
            case .value(let bound): (nil, bound)
            case nil: (nil, 0)
            }
        return preparing(
            maximumNorm: maximumNorm, maximumValue: Float(maximumValue), l1: Float(penalties.l1),
            l2: Float(penalties.l2))
    }
}
