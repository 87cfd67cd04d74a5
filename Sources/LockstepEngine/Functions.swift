/// Max(x, 0), element by element.
public func relu(_ x: Tensor) -> Tensor { x.tracer.relu(x, layer: nil) }

/// 1 / (1 + e^−x), element by element.
public func sigmoid(_ x: Tensor) -> Tensor { x.tracer.activation(x, Activation(.sigmoid), layer: nil) }

/// The hyperbolic tangent, element by element.
public func tanh(_ x: Tensor) -> Tensor { x.tracer.activation(x, Activation(.tanh), layer: nil) }

/// x·Φ(x), element by element, as PyTorch's `gelu`.
///
/// - Parameter approximate: by a hyperbolic tangent instead of the error function.
public func gelu(_ x: Tensor, approximate: Bool = false) -> Tensor {
    x.tracer.activation(x, Activation(approximate ? .tanhGELU : .gelu), layer: nil)
}

/// x·sigmoid(x), element by element.
public func silu(_ x: Tensor) -> Tensor { x.tracer.activation(x, Activation(.silu), layer: nil) }

/// log(1 + e^x), element by element; x itself above 20.
public func softplus(_ x: Tensor) -> Tensor { x.tracer.activation(x, Activation(.softplus), layer: nil) }

/// x where it is positive, else slope·x.
public func leakyReLU(_ x: Tensor, slope: Double = 0.01) -> Tensor {
    x.tracer.activation(x, Activation(.leakyReLU, parameter: Float(slope)), layer: nil)
}

/// x where it is positive, else alpha·(e^x − 1).
public func elu(_ x: Tensor, alpha: Double = 1) -> Tensor {
    x.tracer.activation(x, Activation(.elu, parameter: Float(alpha)), layer: nil)
}

/// e^x of a flat tensor, divided by their sum.
public func softmax(_ x: Tensor) -> Tensor { x.tracer.softmax(x, layer: nil) }

/// In training, makes elements zero with `probability` and divides the others by 1 − `probability`; in inference
/// nothing happens. Each call in a model drops other elements.
public func dropout(_ x: Tensor, _ probability: Double) -> Tensor {
    x.tracer.dropout(x, probability: probability, layer: nil)
}

/// The maximum of each `kernel` × `kernel` window of an image.
///
/// - Parameters:
///   - stride: the distance of two windows; the kernel's size where it is nil.
///   - padding: cells beside each edge, which never win.
public func maxPool2D(_ x: Tensor, _ kernel: Int, stride: Int? = nil, padding: Int = 0) -> Tensor {
    x.tracer.maxPool2D(x, kernel: kernel, stride: stride ?? kernel, padding: padding, layer: nil)
}

/// The mean of each `kernel` × `kernel` window of an image.
///
/// - Parameters:
///   - stride: the distance of two windows; the kernel's size where it is nil.
///   - padding: cells beside each edge, which count as zeros.
public func averagePool2D(_ x: Tensor, _ kernel: Int, stride: Int? = nil, padding: Int = 0) -> Tensor {
    x.tracer.averagePool2D(x, kernel: kernel, stride: stride ?? kernel, padding: padding, layer: nil)
}

/// x·Wᵀ + b of a flat input or of each position of a sequence, for layers of your own.
///
/// - Parameters:
///   - weight: [outputs, inputs].
///   - bias: [outputs].
public func linear(_ x: Tensor, weight: Parameter, bias: Parameter? = nil) -> Tensor {
    x.tracer.linear(x, weight: weight, bias: bias, layer: nil)
}

/// A convolution over an image, for layers of your own.
///
/// - Parameters:
///   - weight: [outputs, channels, height, width].
///   - bias: [outputs].
///   - stride: the distance of two windows along both axes.
///   - padding: cells of zeros beside each edge.
public func conv2D(
    _ x: Tensor, weight: Parameter, bias: Parameter? = nil, stride: Int = 1, padding: Int = 0
) -> Tensor {
    x.tracer.convolution2D(x, weight: weight, bias: bias, stride: stride, padding: padding, layer: nil)
}

/// The means over `height` × `width` bins of an image, as PyTorch's `adaptive_avg_pool2d`.
public func adaptiveAveragePool2D(_ x: Tensor, height: Int, width: Int) -> Tensor {
    x.tracer.adaptiveAveragePool2D(x, height: height, width: width, layer: nil)
}

/// The mean of each channel of an image, as an image of one pixel.
public func globalAveragePool2D(_ x: Tensor) -> Tensor { x.tracer.globalAveragePool2D(x, layer: nil) }

/// The mean over the positions of a sequence: [positions, elements] becomes [elements].
public func meanOverPositions(_ x: Tensor) -> Tensor { x.tracer.meanOverPositions(x, layer: nil) }

/// Tensors beside each other along the last dimension: the channels of images, the elements of each position.
public func concatenate(_ first: Tensor, _ others: Tensor...) -> Tensor {
    first.tracer.concatenate([first] + others, layer: nil)
}
