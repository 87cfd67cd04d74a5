public import LockstepEngine

/// Max(x, 0), element by element.
public final class ReLU: Module, CustomStringConvertible {
    public init() {}

    public func callAsFunction(_ input: Tensor) -> Tensor { input.tracer.relu(input, layer: self) }

    public var description: String { "relu" }
}
