public import LockstepEngine

/// A row of a table for each token, as PyTorch's `Embedding`: `weight` is [count, width], normal with deviation 1. Takes
/// [positions] and gives [positions, width].
public final class Embedding: Module, CustomStringConvertible {
    public let weight: Parameter
    /// The token whose row starts as zeros and never learns.
    public let paddingToken: Int?

    /// - Parameters:
    ///   - count: tokens are 0 ..< count.
    ///   - width: numbers for each token.
    public init(_ count: Int, _ width: Int, paddingToken: Int? = nil) {
        weight = Parameter([count, width], initializer: .normal(deviation: 1, zeroRow: paddingToken))
        self.paddingToken = paddingToken
    }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.tracer.embedding(input, weight: weight, paddingToken: paddingToken, layer: self)
    }

    public var description: String {
        text(
            "embedding", ("count", weight.extents[0]), ("width", weight.extents[1]), ("paddingToken", paddingToken))
    }
}
