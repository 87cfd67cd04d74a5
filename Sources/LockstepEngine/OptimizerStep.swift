package import CLockstepKernels

/// What one update does to every element of the flat state: constants of one step, already rounded.
package enum OptimizerStep: Sendable {
    /// p −= rate · (g · scale).
    case sgd(scale: Float, rate: Float)
    /// PyTorch's Adam.
    case adam(ls_adam)

    /// - Parameter totalWeight: the sum of the weights of all samples of the batch.
    package static func sgd(rate: Double, totalWeight: Double) -> OptimizerStep {
        .sgd(scale: reciprocal(totalWeight), rate: Float(rate))
    }

    /// - Parameters:
    ///   - step: from 1.
    ///   - totalWeight: the sum of the weights of all samples of the batch.
    package static func adam(
        rate: Double, beta1: Double, beta2: Double, epsilon: Double, step: Int, totalWeight: Double
    ) -> OptimizerStep {
        let firstRest = 1 - power(beta1, step)
        let secondRest = 1 - power(beta2, step)
        return .adam(
            ls_adam(
                scale: reciprocal(totalWeight), beta1: Float(beta1), beta2: Float(beta2),
                one_minus_beta1: Float(1 - beta1), one_minus_beta2: Float(1 - beta2),
                step_size: Float(rate / firstRest), second_correction: Float(1 / secondRest.squareRoot()),
                epsilon: Float(epsilon)))
    }

    package var kind: OptimizerKind {
        switch self {
        case .sgd: .sgd
        case .adam: .adam
        }
    }

    /// `base` to the power `exponent` ≥ 0 by squaring, so that every machine multiplies in the same order.
    static func power(_ base: Double, _ exponent: Int) -> Double {
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

    /// 1 / weight, rounded once: a quotient of two floats loses nothing on its way through a double.
    private static func reciprocal(_ weight: Double) -> Float { Float(1 / weight) }
}
