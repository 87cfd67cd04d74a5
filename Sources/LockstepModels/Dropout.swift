public import LockstepEngine

/// In training, makes elements zero with a probability and divides the others by 1 − probability, as PyTorch's
/// `Dropout`; in inference nothing happens.
///
/// Which elements follows from the seed, the step, the sample's position in the batch and the layer's name alone: never
/// from lanes, threads or workers.
public final class Dropout: Module, CustomStringConvertible {
    public let probability: Double

    /// - Parameter probability: at least 0 and below 1.
    public init(_ probability: Double = 0.5) { self.probability = probability }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.tracer.dropout(input, probability: probability, layer: self)
    }

    public var description: String { text("dropout", ("probability", probability)) }
}
