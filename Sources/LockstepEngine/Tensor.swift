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

/// Max(x, 0), element by element.
public func relu(_ x: Tensor) -> Tensor { x.tracer.relu(x, layer: nil) }

/// The maximum of each `kernel` × `kernel` window of an image, without padding.
///
/// - Parameter stride: the distance of two windows; the kernel's size where it is nil.
public func maxPool2D(_ x: Tensor, _ kernel: Int, stride: Int? = nil) -> Tensor {
    x.tracer.maxPool2D(x, kernel: kernel, stride: stride ?? kernel, layer: nil)
}

/// x·Wᵀ + b, for layers of your own.
///
/// - Parameters:
///   - weight: [outputs, inputs].
///   - bias: [outputs].
public func linear(_ x: Tensor, weight: Parameter, bias: Parameter? = nil) -> Tensor {
    x.tracer.linear(x, weight: weight, bias: bias, layer: nil)
}

/// A convolution over an image with stride 1 and no padding, for layers of your own.
///
/// - Parameters:
///   - weight: [outputs, channels, height, width].
///   - bias: [outputs].
public func conv2D(_ x: Tensor, weight: Parameter, bias: Parameter? = nil) -> Tensor {
    x.tracer.convolution2D(x, weight: weight, bias: bias, layer: nil)
}
