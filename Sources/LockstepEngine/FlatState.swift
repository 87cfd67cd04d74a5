internal import CLockstepKernels
package import LockstepCore

/// The state that training changes: parameters and the optimizer's vectors, all in one flat layout, each starting at
/// a multiple of 64 bytes.
// Safe to hand from thread to thread: it has one user at a time, the driver of its executor or whom that waits for.
package final class FlatState: @unchecked Sendable {
    /// One tensor of the state.
    package struct View {
        /// `0.weight`, or `exp_avg.0.weight` for a tensor of the optimizer.
        package let name: String
        package let shape: [Int]
        /// Valid as long as the state.
        package let elements: UnsafeMutableBufferPointer<Float>
    }

    package let layout: FlatLayout
    package let optimizer: OptimizerKind
    private let parameterMemory: AlignedMemory
    private let vectorMemory: [AlignedMemory]

    /// A state of zeros.
    ///
    /// - Throws: `CommandError.failed` where memory does not suffice.
    package init(layout: FlatLayout, optimizer: OptimizerKind) throws {
        self.layout = layout
        self.optimizer = optimizer
        parameterMemory = try AlignedMemory(count: layout.count, purpose: "the parameters")
        vectorMemory = try optimizer.vectorNames.map {
            try AlignedMemory(count: layout.count, purpose: "the optimizer's \($0)")
        }
    }

    /// S(0) of a plan.
    package convenience init(plan: Plan, seed: UInt64) throws {
        try self.init(layout: plan.layout, optimizer: plan.optimizer)
        initialize(seed: seed)
    }

    /// The flat parameters, `layout.count` floats.
    package var parameters: UnsafeMutablePointer<Float> { parameterMemory.floats }

    /// The optimizer's vectors in the order of `OptimizerKind.vectorNames`, `layout.count` floats each.
    package var vectors: [UnsafeMutablePointer<Float>] { vectorMemory.map(\.floats) }

    /// The parameters by name, in flat order.
    package var parameterViews: [View] { views(of: parameterMemory.floats, prefix: "") }

    /// The optimizer's tensors by name, vector by vector.
    package var optimizerViews: [View] {
        zip(optimizer.vectorNames, vectorMemory).flatMap { views(of: $1.floats, prefix: $0 + ".") }
    }

    /// The hash of the parameters.
    package func hash(_ kernels: Kernels) -> StateHash {
        var sums: (UInt64, UInt64) = (0, 0)
        withUnsafeMutableBytes(of: &sums) { bytes in
            kernels.table.pointee.hash_blocks(
                layout.count, parameters, 0, bytes.assumingMemoryBound(to: UInt64.self).baseAddress)
        }
        return StateHash(high: sums.0, low: sums.1)
    }

    /// Sets parameters to their initial values and the optimizer's vectors to zero.
    ///
    /// Element e of a tensor is u·(2·bound) − bound, the product and the difference rounded by themselves; u is
    /// element e of the stream that the seed and the tensor's name give, and bound is 1/√(inputs of one output),
    /// rounded once from a double.
    package func initialize(seed: UInt64) {
        let generator = Philox(seed: seed, purpose: .initialization)
        for memory in [parameterMemory] + vectorMemory { memory.floats.update(repeating: 0, count: layout.count) }
        for entry in layout.entries {
            switch entry.initializer {
            case .uniformByFanIn:
                let bound = Float(1 / Double(entry.fanIn).squareRoot())
                FlatState.fill(
                    UnsafeMutableBufferPointer(start: parameters + entry.range.lowerBound, count: entry.range.count),
                    bound: bound, site: FlatState.site(of: entry.name), generator)
            }
        }
    }

    /// The call site of a name: the first four bytes of its SHA-256, little-endian.
    static func site(of name: String) -> UInt32 {
        DigestBuilder.digest(of: Array(name.utf8)).bytes.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func fill(
        _ elements: UnsafeMutableBufferPointer<Float>, bound: Float, site: UInt32, _ generator: Philox
    ) {
        let width = 2 * bound
        for start in stride(from: 0, to: elements.count, by: 4) {
            let block = generator.block([UInt32(start / 4), site, 0, 0])
            for offset in 0..<min(4, elements.count - start) {
                let scaled = Philox.unit(block[offset]) * width
                elements[start + offset] = scaled - bound
            }
        }
    }

    private func views(of base: UnsafeMutablePointer<Float>, prefix: String) -> [View] {
        layout.entries.map { entry in
            View(
                name: prefix + entry.name, shape: entry.shape,
                elements: UnsafeMutableBufferPointer(start: base + entry.range.lowerBound, count: entry.range.count))
        }
    }
}
