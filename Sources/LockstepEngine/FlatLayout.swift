/// Where each parameter stands in the flat vector: in reverse order of first use, each aligned to 64 bytes. Gradients
/// and optimizer vectors have the same layout. Elements between tensors are zero and stay zero.
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
    }

    /// Every tensor starts at a multiple of so many floats: 64 bytes.
    package static let alignment = 16

    /// In flat order.
    package let entries: [Entry]
    /// Elements of the flat vector, a multiple of `alignment`.
    package let count: Int

    init(_ parameters: [Graph.ParameterUse]) {
        var entries: [Entry] = []
        var start = 0
        for parameter in parameters {
            let end = start + parameter.shape.reduce(1, *)
            entries.append(
                Entry(
                    name: parameter.name, shape: parameter.shape, range: start..<end,
                    initializer: parameter.initializer, fanIn: parameter.fanIn))
            start = FlatLayout.aligned(end)
        }
        self.entries = entries
        self.count = start
    }

    /// The ranges between tensors, in order, the empty ones left out.
    package var paddings: [Range<Int>] {
        entries.map { $0.range.upperBound..<FlatLayout.aligned($0.range.upperBound) }.filter { !$0.isEmpty }
    }

    /// The number of trainable numbers, padding not counted.
    package var parameterCount: Int { entries.reduce(0) { $0 + $1.range.count } }

    static func aligned(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
}
