public import LockstepEngine

/// The mean over the positions of a sequence: [positions, width] becomes [width].
public final class MeanOverPositions: Module, CustomStringConvertible {
    public init() {}

    public func callAsFunction(_ input: Tensor) -> Tensor { input.tracer.meanOverPositions(input, layer: self) }

    public var description: String { "meanOverPositions" }
}
