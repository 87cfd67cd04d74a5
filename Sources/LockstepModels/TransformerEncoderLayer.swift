public import LockstepEngine

/// Attention and two linear layers, each added to what came in and normalised, as PyTorch's `TransformerEncoderLayer`
/// with `batch_first`. Takes and gives [positions, width]. With `causal` and `normFirst` it is a GPT's block.
///
/// Its children are `self_attn`, `linear1`, `linear2`, `norm1` and `norm2`.
public final class TransformerEncoderLayer: Module, ModuleContainer, CustomStringConvertible {
    private let attention: MultiheadAttention
    private let linear1: Linear
    private let linear2: Linear
    private let norm1: LayerNorm
    private let norm2: LayerNorm
    private let activation: any Module
    /// Behind the activation, the attention and the second linear layer.
    private let dropouts: [Dropout]
    /// The linear layers' inner width.
    public let feedForward: Int
    /// Whether each half normalises what it takes, not what it gives.
    public let normFirst: Bool

    /// - Parameters:
    ///   - dropout: also of the attention's weights.
    ///   - activation: between the linear layers; one that works element by element.
    ///   - epsilon: of the norms.
    public init(
        _ width: Int, heads: Int, feedForward: Int = 2048, dropout: Double = 0.1, activation: any Module = ReLU(),
        normFirst: Bool = false, causal: Bool = false, epsilon: Double = 1e-5
    ) {
        attention = MultiheadAttention(width, heads: heads, causal: causal, dropout: dropout)
        linear1 = Linear(width, feedForward)
        linear2 = Linear(feedForward, width)
        norm1 = LayerNorm(width, epsilon: epsilon)
        norm2 = LayerNorm(width, epsilon: epsilon)
        self.activation = activation
        dropouts = (0..<3).map { _ in Dropout(dropout) }
        self.feedForward = feedForward
        self.normFirst = normFirst
    }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        if normFirst {
            let x = add(input, attend(norm1(input)))
            return add(x, transform(norm2(x)))
        }
        let x = norm1(add(input, attend(input)))
        return norm2(add(x, transform(x)))
    }

    private func attend(_ x: Tensor) -> Tensor { dropouts[1](attention(x)) }

    private func transform(_ x: Tensor) -> Tensor { dropouts[2](linear2(dropouts[0](activation(linear1(x))))) }

    private func add(_ x: Tensor, _ y: Tensor) -> Tensor { x.tracer.add(x, y, layer: self) }

    public var description: String {
        text(
            "transformerEncoderLayer", ("width", attention.width), ("heads", attention.heads),
            ("feedForward", feedForward), ("dropout", dropouts[0].probability), ("activation", "\(activation)"),
            ("normFirst", normFirst ? "true" : nil), ("causal", attention.causal ? "true" : nil),
            ("epsilon", norm1.epsilon == 1e-5 ? nil : norm1.epsilon))
    }

    var namedChildren: [(name: String, module: any Module)] {
        [
            ("self_attn", attention), ("linear1", linear1), ("dropout", dropouts[0]), ("linear2", linear2),
            ("norm1", norm1), ("norm2", norm2), ("dropout1", dropouts[1]), ("dropout2", dropouts[2]),
            ("activation", activation),
        ]
    }
}
