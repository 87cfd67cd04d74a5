/// A symbolic tensor: what a model's `callAsFunction` takes and returns. It stands for one value per sample; the
/// leading sample dimension is left out. Images are height × width × channels.
public struct Tensor {
    package let tracer: Tracer
    let value: Int
    /// The shape of one sample.
    public let shape: [Int]

    /// All elements in one dimension, an image's in PyTorch's order: channels, height, width.
    public func flattened() -> Tensor { tracer.flatten(self, layer: nil) }

    /// The sum, element by element, of two tensors of one shape.
    public static func + (left: Tensor, right: Tensor) -> Tensor { left.tracer.add(left, right) }
}
