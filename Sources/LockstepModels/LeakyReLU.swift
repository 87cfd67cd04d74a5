public import LockstepEngine

/// x where it is positive, else slope·x.
public final class LeakyReLU: Module, CustomStringConvertible {
    public let slope: Double

    public init(_ slope: Double = 0.01) { self.slope = slope }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.tracer.activation(input, Activation(.leakyReLU, parameter: Float(slope)), layer: self)
    }

    public var description: String { text("leakyReLU", ("slope", slope)) }
}
