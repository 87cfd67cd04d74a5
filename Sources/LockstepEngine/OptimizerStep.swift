package import CLockstepKernels

/// What one update does to every element of the flat state: constants of one step, already rounded.
package struct OptimizerStep: Sendable {
    /// The optimizer's own formula.
    package enum Rule: Sendable {
        /// p −= rate · (g · scale).
        case sgd(scale: Float, rate: Float)
        case momentum(ls_momentum)
        case adam(ls_adam)
        /// `decay`: what each parameter is multiplied by first.
        case adamW(ls_adam, decay: Float)
        case rmsprop(ls_rmsprop)
        case adagrad(ls_adagrad)
    }

    /// What happens to the elements of some ranges.
    struct Part: Sendable {
        var rule: Rule
        /// What is done to the gradient first; without it the rule scales the sum by itself.
        var preparation: ls_gradient_preparation?
    }

    /// Of all elements that have no part of their own.
    private(set) var base: Part
    /// Parts of ranges that do not overlap, in order.
    private(set) var others: [(range: Range<Int>, part: Part)] = []
    /// Where the gradient is clipped by its norm, the greatest norm of the mean gradient.
    package private(set) var maximumNorm: Double?
    /// 1 / the sum of the weights of all samples of the batch.
    let reciprocalWeight: Double

    private init(_ rule: Rule, totalWeight: Double) {
        base = Part(rule: rule)
        reciprocalWeight = 1 / totalWeight
    }

    package var rule: Rule { base.rule }
    package var preparation: ls_gradient_preparation? { base.preparation }

    package var kind: OptimizerKind {
        switch rule {
        case .sgd: .sgd
        case .momentum: .momentum
        case .adam: .adam
        case .adamW: .adamW
        case .rmsprop(let constants): constants.momentum == 0 ? .rmsprop : .rmspropWithMomentum
        case .adagrad: .adagrad
        }
    }

    /// The same step with the mean gradient prepared before the rule sees it.
    ///
    /// - Parameters:
    ///   - maximumNorm: the mean gradient's norm is brought down to this, as PyTorch's `clip_grad_norm_`.
    ///   - maximumValue: each element is clamped to ± this, as PyTorch's `clip_grad_value_`; 0 for none.
    ///   - l1: times the sign of the parameter is added to the gradient.
    ///   - l2: times the parameter is added to the gradient, as PyTorch's `weight_decay`.
    package func preparing(maximumNorm: Double?, maximumValue: Float, l1: Float, l2: Float) -> OptimizerStep {
        guard maximumNorm != nil || maximumValue > 0 || l1 != 0 || l2 != 0 else { return self }
        var step = self
        step.maximumNorm = maximumNorm
        step.base = Part(
            rule: rule.unscaled,
            preparation: ls_gradient_preparation(
                scale: Float(reciprocalWeight), clip: maximumValue, l1: l1, l2: l2))
        return step
    }

    /// The same step with the rule of another in some ranges, as those of a group of parameters. Of several for a range
    /// the first counts.
    ///
    /// - Parameters:
    ///   - other: of the same kind, for the same batch, and clipped alike.
    ///   - ranges: of entries of the flat layout.
    package func with(_ other: OptimizerStep, for ranges: [Range<Int>]) -> OptimizerStep {
        precondition(other.kind == kind && other.maximumNorm == maximumNorm)
        var step = self
        for range in ranges where !others.contains(where: { $0.range.overlaps(range) }) {
            let aligned = range.lowerBound..<FlatLayout.aligned(range.upperBound)
            step.others.append((aligned, other.base))
        }
        step.others.sort { $0.range.lowerBound < $1.range.lowerBound }
        return step
    }

    /// Hands out a range piece by piece, each with its part.
    func forEachPart(of range: Range<Int>, _ body: (Range<Int>, Part) -> Void) {
        var start = range.lowerBound
        for (own, part) in others where own.overlaps(range) {
            if start < own.lowerBound { body(start..<own.lowerBound, base) }
            body(max(start, own.lowerBound)..<min(own.upperBound, range.upperBound), part)
            start = min(own.upperBound, range.upperBound)
        }
        if start < range.upperBound { body(start..<range.upperBound, base) }
    }

    /// The factor that turns the summed gradient into the clipped mean: PyTorch's `clip_grad_norm_`, with the norm of
    /// the mean as √(Σ squares) · (1 / Σ weights) in double precision.
    ///
    /// - Parameter squareSum: the sum of the squares of the summed gradient.
    func clippedScale(squareSum: Double, maximumNorm: Double) -> Float {
        let norm = squareSum.squareRoot() * reciprocalWeight
        let factor = maximumNorm / (norm + 1e-6)
        return Float(factor < 1 ? reciprocalWeight * factor : reciprocalWeight)
    }
}

extension OptimizerStep {
    /// - Parameter totalWeight: the sum of the weights of all samples of the batch.
    package static func sgd(rate: Double, totalWeight: Double) -> OptimizerStep {
        OptimizerStep(.sgd(scale: reciprocal(totalWeight), rate: Float(rate)), totalWeight: totalWeight)
    }

    /// - Parameter step: from 1; the buffer of step 1 is the gradient itself.
    package static func momentum(
        rate: Double, momentum: Double, dampening: Double, nesterov: Bool, step: Int, totalWeight: Double
    ) -> OptimizerStep {
        OptimizerStep(
            .momentum(
                ls_momentum(
                    scale: reciprocal(totalWeight), rate: Float(rate), momentum: Float(momentum),
                    one_minus_dampening: Float(1 - dampening), nesterov: nesterov, is_first: step == 1)),
            totalWeight: totalWeight)
    }

    /// - Parameters:
    ///   - step: from 1.
    ///   - totalWeight: the sum of the weights of all samples of the batch.
    package static func adam(
        rate: Double, beta1: Double, beta2: Double, epsilon: Double, step: Int, totalWeight: Double
    ) -> OptimizerStep {
        OptimizerStep(
            .adam(
                constants(rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, step: step, totalWeight)),
            totalWeight: totalWeight)
    }

    package static func adamW(
        rate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double, step: Int,
        totalWeight: Double
    ) -> OptimizerStep {
        let lost = rate * weightDecay
        return OptimizerStep(
            .adamW(
                constants(rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, step: step, totalWeight),
                decay: Float(1 - lost)),
            totalWeight: totalWeight)
    }

    package static func rmsprop(
        rate: Double, alpha: Double, epsilon: Double, momentum: Double, totalWeight: Double
    ) -> OptimizerStep {
        OptimizerStep(
            .rmsprop(
                ls_rmsprop(
                    scale: reciprocal(totalWeight), rate: Float(rate), alpha: Float(alpha),
                    one_minus_alpha: Float(1 - alpha), epsilon: Float(epsilon), momentum: Float(momentum))),
            totalWeight: totalWeight)
    }

    /// - Parameter decay: of the rate, which is divided by 1 + (step − 1) · decay.
    package static func adagrad(
        rate: Double, decay: Double, epsilon: Double, step: Int, totalWeight: Double
    ) -> OptimizerStep {
        let slowed = Double(step - 1) * decay
        return OptimizerStep(
            .adagrad(
                ls_adagrad(
                    scale: reciprocal(totalWeight), rate: Float(rate / (1 + slowed)), epsilon: Float(epsilon))),
            totalWeight: totalWeight)
    }

    /// `base` to the power `exponent` ≥ 0 by squaring, so that every machine multiplies in the same order.
    package static func power(_ base: Double, _ exponent: Int) -> Double {
        var result = 1.0
        var square = base
        var rest = exponent
        while rest > 0 {
            if rest & 1 == 1 { result *= square }
            rest >>= 1
            if rest > 0 { square *= square }
        }
        return result
    }

    private static func constants(
        rate: Double, beta1: Double, beta2: Double, epsilon: Double, step: Int, _ totalWeight: Double
    ) -> ls_adam {
        let firstRest = 1 - power(beta1, step)
        let secondRest = 1 - power(beta2, step)
        return ls_adam(
            scale: reciprocal(totalWeight), beta1: Float(beta1), beta2: Float(beta2),
            one_minus_beta1: Float(1 - beta1), one_minus_beta2: Float(1 - beta2),
            step_size: Float(rate / firstRest), second_correction: Float(1 / secondRest.squareRoot()),
            epsilon: Float(epsilon))
    }

    /// 1 / weight, rounded once: a quotient of two floats loses nothing on its way through a double.
    private static func reciprocal(_ weight: Double) -> Float { Float(1 / weight) }
}

extension OptimizerStep.Rule {
    /// The same rule for a gradient that is a mean already.
    fileprivate var unscaled: OptimizerStep.Rule {
        switch self {
        case .sgd(_, let rate): return .sgd(scale: 1, rate: rate)
        case .momentum(var constants):
            constants.scale = 1
            return .momentum(constants)
        case .adam(var constants):
            constants.scale = 1
            return .adam(constants)
        case .adamW(var constants, let decay):
            constants.scale = 1
            return .adamW(constants, decay: decay)
        case .rmsprop(var constants):
            constants.scale = 1
            return .rmsprop(constants)
        case .adagrad(var constants):
            constants.scale = 1
            return .adagrad(constants)
        }
    }
}
