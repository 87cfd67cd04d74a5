public import LockstepEngine

/// log(1 + e^x), element by element; x itself above 20.
public final class Softplus: Module, CustomStringConvertible {
    public init() {}

    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.tracer.activation(input, Activation(.softplus), layer: self)
    }

    public var description: String { "softplus" }
}
