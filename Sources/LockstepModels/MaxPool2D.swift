public import LockstepEngine

/// The maximum of each window of an image, as PyTorch's `MaxPool2d`.
public final class MaxPool2D: Module, CustomStringConvertible {
    public let kernel: Int
    /// The distance of two windows.
    public let stride: Int
    /// Cells beside each edge, which never win.
    public let padding: Int

    /// - Parameter stride: the kernel's size where it is nil.
    public init(_ kernel: Int, stride: Int? = nil, padding: Int = 0) {
        self.kernel = kernel
        self.stride = stride ?? kernel
        self.padding = padding
    }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.tracer.maxPool2D(input, kernel: kernel, stride: stride, padding: padding, layer: self)
    }

    public var description: String {
        text("maxPool2D", ("kernel", kernel), ("stride", stride), ("padding", padding == 0 ? nil : padding))
    }
}
