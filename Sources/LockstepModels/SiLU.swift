public import LockstepEngine

/// x·sigmoid(x), element by element.
public final class SiLU: Module, CustomStringConvertible {
    public init() {}

    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.tracer.activation(input, Activation(.silu), layer: self)
    }

    public var description: String { "silu" }
}
