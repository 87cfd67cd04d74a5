public import LockstepEngine

/// The mean of each channel of an image: height × width × channels becomes [channels].
public final class GlobalAveragePool2D: Module, CustomStringConvertible {
    public init() {}

    public func callAsFunction(_ input: Tensor) -> Tensor {
        let tracer = input.tracer
        return tracer.flatten(tracer.adaptiveAveragePool2D(input, height: 1, width: 1, layer: self), layer: self)
    }

    public var description: String { "globalAveragePool2D" }
}
