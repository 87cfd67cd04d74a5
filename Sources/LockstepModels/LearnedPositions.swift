public import LockstepEngine

/// Adds a row of its own to each position of a sequence: `weight` is [positions, width], normal with deviation 1, as the
/// second embedding of a GPT.
public final class LearnedPositions: Module, CustomStringConvertible {
    public let weight: Parameter

    /// - Parameter count: positions; inferred from what comes in where it is nil.
    public init(_ count: Int? = nil) {
        weight = Parameter([count, nil], initializer: .normal(deviation: 1))
    }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.tracer.addPositions(input, weight: weight, layer: self)
    }

    public var description: String { text("learnedPositions", ("count", weight.extents[0])) }
}
