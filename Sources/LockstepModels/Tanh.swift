public import LockstepEngine

/// The hyperbolic tangent, element by element.
public final class Tanh: Module, CustomStringConvertible {
    public init() {}

    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.tracer.activation(input, Activation(.tanh), layer: self)
    }

    public var description: String { "tanh" }
}
