public import LockstepEngine

/// e^x of a flat tensor, divided by their sum, as PyTorch's `Softmax` over the last dimension. The loss
/// `softmaxCrossEntropy` does this by itself.
public final class Softmax: Module, CustomStringConvertible {
    public init() {}

    public func callAsFunction(_ input: Tensor) -> Tensor { input.tracer.softmax(input, layer: self) }

    public var description: String { "softmax" }
}
