/// A symbolic tensor: what a model's `callAsFunction` takes and returns. It stands for one value per sample; the
/// leading sample dimension is left out. Images are height × width × channels, sequences positions × elements.
public struct Tensor {
    package let tracer: Tracer
    let value: Int
    /// The shape of one sample.
    public let shape: [Int]

    /// All elements in one dimension, an image's in PyTorch's order: channels, height, width.
    public func flattened() -> Tensor { tracer.flatten(self, layer: nil) }

    /// The same elements in the same order under another shape.
    public func reshaped(_ shape: [Int]) -> Tensor { tracer.reshape(self, shape: shape, layer: nil) }

    /// One position of a sequence, −1 being the last: [positions, elements] becomes [elements].
    public func position(_ index: Int) -> Tensor { tracer.position(self, index, layer: nil) }

    /// Some elements of the last dimension.
    public func slice(_ range: Range<Int>) -> Tensor { tracer.slice(self, range, layer: nil) }

    /// The sum, element by element, of two tensors of one shape.
    public static func + (left: Tensor, right: Tensor) -> Tensor { left.tracer.add(left, right, layer: nil) }

    /// The difference, element by element, of two tensors of one shape.
    public static func - (left: Tensor, right: Tensor) -> Tensor { left.tracer.subtract(left, right, layer: nil) }

    /// The product, element by element, of two tensors of one shape.
    public static func * (left: Tensor, right: Tensor) -> Tensor { left.tracer.multiply(left, right, layer: nil) }

    public static func + (left: Tensor, right: Double) -> Tensor {
        left.tracer.scale(left, factor: 1, offset: right, layer: nil)
    }

    public static func + (left: Double, right: Tensor) -> Tensor { right + left }

    public static func - (left: Tensor, right: Double) -> Tensor { left + -right }

    public static func - (left: Double, right: Tensor) -> Tensor {
        right.tracer.scale(right, factor: -1, offset: left, layer: nil)
    }

    public static func * (left: Tensor, right: Double) -> Tensor {
        left.tracer.scale(left, factor: right, offset: 0, layer: nil)
    }

    public static func * (left: Double, right: Tensor) -> Tensor { right * left }

    public static prefix func - (x: Tensor) -> Tensor { x * -1 }
}
