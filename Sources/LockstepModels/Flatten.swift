public import LockstepEngine

/// All elements in one dimension, an image's in PyTorch's order: channels, height, width.
public final class Flatten: Module, CustomStringConvertible {
    public init() {}

    public func callAsFunction(_ input: Tensor) -> Tensor { input.tracer.flatten(input, layer: self) }

    public var description: String { "flatten" }
}
