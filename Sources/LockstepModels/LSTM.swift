public import LockstepEngine

/// A long short-term memory over a sequence, as PyTorch's `LSTM` with `batch_first`: [positions, inputs] becomes
/// [positions, units], from zero states. The gates stand in the order i, f, g, o: `weight_ih_l0` is [4 · units, inputs].
public final class LSTM: Module, ModuleContainer, CustomStringConvertible {
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
            "lstm", gates: 4, inputs: inputs, units: units, layers: layers, bidirectional: bidirectional,
            dropout: dropout)
    }

    /// A layer whose number of inputs is inferred.
    public convenience init(_ units: Int, layers: Int = 1, bidirectional: Bool = false, dropout: Double = 0) {
        self.init(nil, units, layers: layers, bidirectional: bidirectional, dropout: dropout)
    }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        stack.apply(to: input, layer: self) { x, cell in
            x.tracer.lstm(
                x, inputWeight: cell.inputWeight, hiddenWeight: cell.hiddenWeight, inputBias: cell.inputBias,
                hiddenBias: cell.hiddenBias, reverse: cell.isReverse, layer: self)
        }
    }

    public var description: String { stack.text }

    var namedParameters: [(name: String, parameter: Parameter)] { stack.namedParameters }
}
