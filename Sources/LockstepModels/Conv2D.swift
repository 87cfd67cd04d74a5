public import LockstepEngine

/// A convolution over images of height × width × channels with stride 1 and no padding, as PyTorch's `Conv2d`:
/// `weight` is [outputs, inputs, kernel, kernel], `bias` [outputs], both uniform in ±1/√(inputs · kernel²).
public final class Conv2D: Module, CustomStringConvertible {
    public let weight: Parameter
    public let bias: Parameter?

    /// - Parameters:
    ///   - inputs: channels; inferred from what comes in where it is nil.
    ///   - outputs: channels, at least 1.
    ///   - kernel: height and width of the window.
    public init(_ inputs: Int?, _ outputs: Int, kernel: Int, bias: Bool = true) {
        weight = Parameter([outputs, inputs, kernel, kernel])
        self.bias = bias ? Parameter([outputs]) : nil
    }

    /// A layer whose number of input channels is inferred.
    public convenience init(_ outputs: Int, kernel: Int, bias: Bool = true) {
        self.init(nil, outputs, kernel: kernel, bias: bias)
    }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.tracer.convolution2D(input, weight: weight, bias: bias, layer: self)
    }

    public var description: String {
        text(
            "conv2D", ("inputs", weight.extents[1]), ("outputs", weight.extents[0]), ("kernel", weight.extents[2]),
            ("bias", bias == nil ? "false" : nil))
    }
}
