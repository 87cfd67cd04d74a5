public import LockstepEngine

/// x·Wᵀ + b, as PyTorch's `Linear`: `weight` is [outputs, inputs], `bias` [outputs], both uniform in ±1/√inputs.
public final class Linear: Module, CustomStringConvertible {
    public let weight: Parameter
    public let bias: Parameter?

    /// - Parameters:
    ///   - inputs: inferred from what comes in where it is nil.
    ///   - outputs: at least 1.
    public init(_ inputs: Int?, _ outputs: Int, bias: Bool = true) {
        weight = Parameter([outputs, inputs])
        self.bias = bias ? Parameter([outputs]) : nil
    }

    /// A layer whose number of inputs is inferred.
    public convenience init(_ outputs: Int, bias: Bool = true) { self.init(nil, outputs, bias: bias) }

    /// A layer that shares an embedding's weight: it has an output for each of its tokens.
    public init(tiedTo embedding: Embedding, bias: Bool = false) {
        weight = embedding.weight
        self.bias = bias ? Parameter([embedding.weight.extents[0]]) : nil
    }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.tracer.linear(input, weight: weight, bias: bias, layer: self)
    }

    public var description: String {
        text(
            "linear", ("inputs", weight.extents[1]), ("outputs", weight.extents[0]),
            ("bias", bias == nil ? "false" : nil))
    }
}
