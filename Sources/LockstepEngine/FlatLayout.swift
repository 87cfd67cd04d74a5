/// Where each tensor of the state stands in the flat vector: the parameters in reverse order of first use, then the
/// buffers, each aligned to 64 bytes. Gradients and optimizer vectors have the same layout. Elements between tensors are
/// zero and stay zero.
package struct FlatLayout: Sendable, Hashable {
    /// A named view of the flat vector.
    package struct Entry: Sendable, Hashable {
        /// PyTorch's name, `0.weight`.
        package let name: String
        /// PyTorch's shape, row-major.
        package let shape: [Int]
        /// Elements of the flat vector.
        package let range: Range<Int>
        package let initializer: Initializer
        /// The number of inputs of one output.
        package let fanIn: Int
        /// Changed by its own rule, not by the optimizer.
        package let isBuffer: Bool
    }

    /// Every tensor starts at a multiple of so many floats: 64 bytes.
    package static let alignment = 16

    /// In flat order.
    package let entries: [Entry]
    /// Elements of the flat vector, a multiple of `alignment`.
    package let count: Int
    /// Elements before the buffers, a multiple of `alignment`: what optimizers, clipping and penalties touch.
    package let parameterEnd: Int

    /// - Parameter tensors: those of a graph in reverse order of first use.
    init(_ tensors: [Graph.ParameterUse]) {
        var entries: [Entry] = []
        var (start, parameterEnd) = (0, 0)
        for tensor in tensors.filter({ !$0.isBuffer }) + tensors.filter(\.isBuffer) {
            let end = start + tensor.shape.reduce(1, *)
            entries.append(
                Entry(
                    name: tensor.name, shape: tensor.shape, range: start..<end, initializer: tensor.initializer,
                    fanIn: tensor.fanIn, isBuffer: tensor.isBuffer))
            start = FlatLayout.aligned(end)
            if !tensor.isBuffer { parameterEnd = start }
        }
        self.entries = entries
        self.count = start
        self.parameterEnd = parameterEnd
    }

    /// The ranges between tensors, in order, the empty ones left out.
    package var paddings: [Range<Int>] {
        entries.map { $0.range.upperBound..<FlatLayout.aligned($0.range.upperBound) }.filter { !$0.isEmpty }
    }

    /// The number of trainable numbers, neither padding nor buffers counted.
    package var parameterCount: Int { entries.reduce(0) { $0 + ($1.isBuffer ? 0 : $1.range.count) } }

    /// The entries that mean something in a vector of the state: all in the parameters (`nil`) and in `best`, those that
    /// are no buffers in the optimizer's.
    package func entries(ofVector name: String?) -> [Entry] {
        name == nil || name == "best" ? entries : entries.filter { !$0.isBuffer }
    }

    static func aligned(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
}
