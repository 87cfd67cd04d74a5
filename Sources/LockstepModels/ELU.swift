public import LockstepEngine

/// x where it is positive, else alpha·(e^x − 1).
public final class ELU: Module, CustomStringConvertible {
    public let alpha: Double

    public init(_ alpha: Double = 1) { self.alpha = alpha }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.tracer.activation(input, Activation(.elu, parameter: Float(alpha)), layer: self)
    }

    public var description: String { text("elu", ("alpha", alpha)) }
}
