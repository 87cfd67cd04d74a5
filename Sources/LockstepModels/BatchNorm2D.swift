public import LockstepEngine

/// Brings a channel of images to mean 0 and deviation 1 over the samples of a lane, as PyTorch's `BatchNorm2d` does over those of a
/// process. Takes height × width × channels.
///
/// `weight` (ones) and `bias` (zeros) are learned; the buffers `running_mean` and `running_var` follow the statistics and
/// stand for them in inference.
public final class BatchNorm2D: Module, ModuleContainer, CustomStringConvertible {
    private let norm: BatchNormalization

    /// - Parameters:
    ///   - channels: inferred from what comes in where it is nil.
    ///   - epsilon: added to the variance.
    ///   - momentum: how far a step moves the buffers towards its own statistics.
    public init(_ channels: Int? = nil, epsilon: Double = 1e-5, momentum: Double = 0.1) {
        norm = BatchNormalization(channels, epsilon: epsilon, momentum: momentum)
    }

    public var weight: Parameter { norm.weight }
    public var bias: Parameter { norm.bias }
    public var epsilon: Double { norm.epsilon }
    public var momentum: Double { norm.momentum }

    public func callAsFunction(_ input: Tensor) -> Tensor { norm.apply(to: input, rank: 3, layer: self) }

    public var description: String { norm.text("batchNorm2D") }

    var namedParameters: [(name: String, parameter: Parameter)] { norm.namedParameters }
}
