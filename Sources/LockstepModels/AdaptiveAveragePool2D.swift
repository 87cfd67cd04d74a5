public import LockstepEngine

/// The means of so many windows that cover an image, as PyTorch's `AdaptiveAvgPool2d`.
public final class AdaptiveAveragePool2D: Module, CustomStringConvertible {
    public let height: Int
    public let width: Int

    /// - Parameter width: the height where it is nil.
    public init(_ height: Int, _ width: Int? = nil) {
        self.height = height
        self.width = width ?? height
    }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.tracer.adaptiveAveragePool2D(input, height: height, width: width, layer: self)
    }

    public var description: String { text("adaptiveAveragePool2D", ("height", height), ("width", width)) }
}
