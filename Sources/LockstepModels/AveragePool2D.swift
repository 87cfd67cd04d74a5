public import LockstepEngine

/// The mean of each window of an image, as PyTorch's `AvgPool2d`.
public final class AveragePool2D: Module, CustomStringConvertible {
    public let kernel: Int
    /// The distance of two windows.
    public let stride: Int
    /// Cells beside each edge, which count as zeros.
    public let padding: Int

    /// - Parameter stride: the kernel's size where it is nil.
    public init(_ kernel: Int, stride: Int? = nil, padding: Int = 0) {
        self.kernel = kernel
        self.stride = stride ?? kernel
        self.padding = padding
    }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.tracer.averagePool2D(input, kernel: kernel, stride: stride, padding: padding, layer: self)
    }

    public var description: String {
        text(
            "averagePool2D", ("kernel", kernel), ("stride", stride), ("padding", padding == 0 ? nil : padding))
    }
}
