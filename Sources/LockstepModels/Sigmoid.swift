public import LockstepEngine

/// 1 / (1 + e^−x), element by element.
public final class Sigmoid: Module, CustomStringConvertible {
    public init() {}

    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.tracer.activation(input, Activation(.sigmoid), layer: self)
    }

    public var description: String { "sigmoid" }
}
