internal import LockstepEngine

/// What the batch norms of images and of flat samples have in common.
struct BatchNormalization: Sendable {
    let weight: Parameter
    let bias: Parameter
    let runningMean: Parameter
    let runningVariance: Parameter
    let epsilon: Double
    let momentum: Double

    init(_ channels: Int?, epsilon: Double, momentum: Double) {
        weight = Parameter([channels], initializer: .ones)
        bias = Parameter([channels], initializer: .zeros)
        runningMean = Parameter([channels], initializer: .zeros, isBuffer: true)
        runningVariance = Parameter([channels], initializer: .ones, isBuffer: true)
        self.epsilon = epsilon
        self.momentum = momentum
    }

    /// - Parameter rank: of the samples, 3 for images.
    func apply(to input: Tensor, rank: Int, layer: AnyObject) -> Tensor {
        guard input.shape.count == rank else {
            return input.tracer.fail(
                input, layer, rank == 3 ? "batchNorm2D" : "batchNorm1D",
                rank == 3
                    ? "takes images of height × width × channels, but what comes in is \(input.shape); "
                        + "use batchNorm1D for flat samples"
                    : "takes a flat input, but what comes in is \(input.shape); use batchNorm2D for images")
        }
        if let channels = weight.extents[0], channels != input.shape[rank - 1] {
            return input.tracer.fail(
                input, layer, rank == 3 ? "batchNorm2D" : "batchNorm1D",
                "takes \(channels) channels, but what comes in is \(input.shape); "
                    + "write \(input.shape[rank - 1]) or leave channels out")
        }
        return input.tracer.batchNorm(
            input, weight: weight, bias: bias, mean: runningMean, variance: runningVariance, epsilon: epsilon,
            momentum: momentum, layer: layer)
    }

    /// PyTorch's names and order.
    var namedParameters: [(name: String, parameter: Parameter)] {
        [("weight", weight), ("bias", bias), ("running_mean", runningMean), ("running_var", runningVariance)]
    }

    func text(_ name: String) -> String {
        LockstepModels.text(
            name, ("channels", weight.extents[0]), ("epsilon", epsilon), ("momentum", momentum))
    }
}
