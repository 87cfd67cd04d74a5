public import LockstepEngine

/// Brings the last dimension to mean 0 and deviation 1, as PyTorch's `LayerNorm`: `weight` (ones) and `bias` (zeros) are
/// [width].
public final class LayerNorm: Module, CustomStringConvertible {
    public let weight: Parameter?
    public let bias: Parameter?
    /// Added to the variance.
    public let epsilon: Double

    /// - Parameters:
    ///   - width: inferred from what comes in where it is nil.
    ///   - affine: whether there are weight and bias.
    public init(_ width: Int? = nil, epsilon: Double = 1e-5, affine: Bool = true) {
        weight = affine ? Parameter([width], initializer: .ones) : nil
        bias = affine ? Parameter([width], initializer: .zeros) : nil
        self.epsilon = epsilon
    }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        if let width = weight?.extents[0], let last = input.shape.last, width != last {
            return input.tracer.fail(
                input, self, "layerNorm",
                "takes a last extent of \(width), but what comes in is \(input.shape); write \(last) or leave width out"
            )
        }
        return input.tracer.layerNorm(input, weight: weight, bias: bias, epsilon: epsilon, layer: self)
    }

    public var description: String {
        text(
            "layerNorm", ("width", weight?.extents[0]), ("epsilon", epsilon), ("affine", weight == nil ? "false" : nil))
    }
}
