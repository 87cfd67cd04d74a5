public import LockstepEngine

/// The last position of a sequence: [positions, width] becomes [width].
public final class Last: Module, CustomStringConvertible {
    public init() {}

    public func callAsFunction(_ input: Tensor) -> Tensor { input.tracer.position(input, -1, layer: self) }

    public var description: String { "last" }
}
