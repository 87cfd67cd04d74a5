public import LockstepEngine

/// A convolution over images of height × width × channels, as PyTorch's `Conv2d`: `weight` is
/// [outputs, inputs, kernel, kernel], `bias` [outputs], both uniform in ±1/√(inputs · kernel²).
public final class Conv2D: Module, CustomStringConvertible {
    public let weight: Parameter
    public let bias: Parameter?
    /// The distance of two windows along both axes.
    public let stride: Int
    /// Cells of zeros beside each edge.
    public let padding: Int

    /// - Parameters:
    ///   - inputs: channels; inferred from what comes in where it is nil.
    ///   - outputs: channels, at least 1.
    ///   - kernel: height and width of the window.
    ///   - stride: at least 1.
    ///   - padding: less than the kernel.
    public init(_ inputs: Int?, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, bias: Bool = true) {
        weight = Parameter([outputs, inputs, kernel, kernel])
        self.bias = bias ? Parameter([outputs]) : nil
        self.stride = stride
        self.padding = padding
    }

    /// A layer whose number of input channels is inferred.
    public convenience init(_ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, bias: Bool = true) {
        self.init(nil, outputs, kernel: kernel, stride: stride, padding: padding, bias: bias)
    }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.tracer.convolution2D(
            input, weight: weight, bias: bias, stride: stride, padding: padding, layer: self)
    }

    public var description: String {
        text(
            "conv2D", ("inputs", weight.extents[1]), ("outputs", weight.extents[0]), ("kernel", weight.extents[2]),
            ("stride", stride == 1 ? nil : stride), ("padding", padding == 0 ? nil : padding),
            ("bias", bias == nil ? "false" : nil))
    }
}
