public import LockstepEngine

/// One position of a sequence: [positions, width] becomes [width].
public final class Position: Module, CustomStringConvertible {
    /// From 0, or from the end: −1 is the last.
    public let index: Int

    public init(_ index: Int) { self.index = index }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.tracer.position(input, index, layer: self)
    }

    public var description: String { text("position", ("index", index)) }
}
