public import LockstepEngine

/// x·Φ(x), element by element, as PyTorch's `GELU`.
public final class GELU: Module, CustomStringConvertible {
    /// By a hyperbolic tangent instead of the error function.
    public let approximate: Bool

    public init(approximate: Bool = false) { self.approximate = approximate }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.tracer.activation(input, Activation(approximate ? .tanhGELU : .gelu), layer: self)
    }

    public var description: String { approximate ? text("gelu", ("approximate", true)) : "gelu" }
}
