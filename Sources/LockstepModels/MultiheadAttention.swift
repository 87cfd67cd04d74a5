public import LockstepEngine

/// Self-attention over a sequence of [positions, width], as PyTorch's `MultiheadAttention` with one tensor as query, key
/// and value: `in_proj_weight` [3 · width, width] (Xavier's uniform), `in_proj_bias` (zeros), `out_proj.weight`
/// [width, width], `out_proj.bias` (zeros).
public final class MultiheadAttention: Module, ModuleContainer, CustomStringConvertible {
    private let inputWeight: Parameter
    private let inputBias: Parameter
    private let output: OutputProjection
    public let width: Int
    /// The heads share the width evenly.
    public let heads: Int
    /// Whether a position sees only itself and those before it.
    public let causal: Bool
    /// The probability with which a weight of a position is dropped in training.
    public let dropout: Double

    public init(_ width: Int, heads: Int, causal: Bool = false, dropout: Double = 0) {
        let rows = width.multipliedReportingOverflow(by: 3)
        inputWeight = Parameter([rows.overflow ? width : rows.partialValue, width], initializer: .xavierUniform)
        inputBias = Parameter([rows.overflow ? width : rows.partialValue], initializer: .zeros)
        output = OutputProjection(width)
        self.width = width
        self.heads = heads
        self.causal = causal
        self.dropout = dropout
    }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        let tracer = input.tracer
        guard input.shape.count == 2 else {
            return tracer.fail(
                input, self, "multiheadAttention",
                "takes positions × width, but what comes in is \(input.shape); put an embedding before it")
        }
        guard heads >= 1, width % heads == 0 else {
            return tracer.fail(
                input, self, "multiheadAttention",
                "\(heads) heads cannot share a width of \(width) evenly; make it a multiple")
        }
        let projected = tracer.linear(input, weight: inputWeight, bias: inputBias, layer: self)
        return output(
            tracer.attention(projected, heads: heads, causal: causal, dropout: dropout, layer: self))
    }

    public var description: String {
        text(
            "multiheadAttention", ("width", width), ("heads", heads), ("causal", causal ? "true" : nil),
            ("dropout", dropout == 0 ? nil : dropout))
    }

    var namedParameters: [(name: String, parameter: Parameter)] {
        [("in_proj_weight", inputWeight), ("in_proj_bias", inputBias)]
    }

    var namedChildren: [(name: String, module: any Module)] { [("out_proj", output)] }
}

/// The linear layer behind the heads, whose bias starts as zeros.
private final class OutputProjection: Module {
    let weight: Parameter
    let bias: Parameter

    init(_ width: Int) {
        weight = Parameter([width, width])
        bias = Parameter([width], initializer: .zeros)
    }

    func callAsFunction(_ input: Tensor) -> Tensor {
        input.tracer.linear(input, weight: weight, bias: bias, layer: self)
    }
}
