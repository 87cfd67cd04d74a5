/// Which vectors an optimizer keeps beside the parameters.
package enum OptimizerKind: UInt8, Sendable, Hashable {
    case sgd, adam, momentum, adamW, rmsprop, rmspropWithMomentum, adagrad

    /// PyTorch's names, in order.
    package var vectorNames: [String] {
        switch self {
        case .sgd: []
        case .adam, .adamW: ["exp_avg", "exp_avg_sq"]
        case .momentum: ["momentum_buffer"]
        case .rmsprop: ["square_avg"]
        case .rmspropWithMomentum: ["square_avg", "momentum_buffer"]
        case .adagrad: ["sum"]
        }
    }
}
