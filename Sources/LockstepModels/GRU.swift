public import LockstepEngine

/// A gated recurrent unit over a sequence, as PyTorch's `GRU` with `batch_first`: [positions, inputs] becomes
/// [positions, units], from a zero state. The gates stand in the order r, z, n: `weight_ih_l0` is [3 · units, inputs].
public final class GRU: Module, ModuleContainer, CustomStringConvertible {
    private let stack: RecurrentStack

    /// - Parameters:
    ///   - inputs: numbers at each position; inferred from what comes in where it is nil.
    ///   - units: numbers that each direction gives at each position.
    ///   - layers: one above the other.
    ///   - bidirectional: a second direction reads from the end; its units stand behind the first's.
    ///   - dropout: the probability of dropout between layers.
    public init(
        _ inputs: Int?, _ units: Int, layers: Int = 1, bidirectional: Bool = false, dropout: Double = 0
    ) {
        stack = RecurrentStack(
            "gru", gates: 3, inputs: inputs, units: units, layers: layers, bidirectional: bidirectional,
            dropout: dropout)
    }

    /// A layer whose number of inputs is inferred.
    public convenience init(_ units: Int, layers: Int = 1, bidirectional: Bool = false, dropout: Double = 0) {
        self.init(nil, units, layers: layers, bidirectional: bidirectional, dropout: dropout)
    }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        stack.apply(to: input, layer: self) { x, cell in
            x.tracer.gru(
                x, inputWeight: cell.inputWeight, hiddenWeight: cell.hiddenWeight, inputBias: cell.inputBias,
                hiddenBias: cell.hiddenBias, reverse: cell.isReverse, layer: self)
        }
    }

    public var description: String { stack.text }

    var namedParameters: [(name: String, parameter: Parameter)] { stack.namedParameters }
}
