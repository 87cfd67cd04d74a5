internal import CLockstepKernels
package import LockstepCore

/// The state that training changes: parameters and buffers, the optimizer's vectors and perhaps the best parameters so
/// far, all in one flat layout, each starting at a multiple of 64 bytes.
// Safe to hand from thread to thread: it has one user at a time, the driver of its executor or whom that waits for.
package final class FlatState: @unchecked Sendable {
    /// One tensor of the state.
    package struct View {
        /// `0.weight`, or `exp_avg.0.weight` for a tensor of the optimizer, or `best.0.weight`.
        package let name: String
        package let shape: [Int]
        /// Valid as long as the state.
        package let elements: UnsafeMutableBufferPointer<Float>
    }

    package let layout: FlatLayout
    package let optimizer: OptimizerKind
    /// True where the best parameters so far are kept, as one more vector behind the optimizer's.
    package let keepsBest: Bool
    let parameterMemory: AlignedMemory
    let vectorMemory: [AlignedMemory]

    /// A state of zeros.
    ///
    /// - Throws: `CommandError.failed` where memory does not suffice.
    package init(layout: FlatLayout, optimizer: OptimizerKind, keepsBest: Bool = false) throws {
        self.layout = layout
        self.optimizer = optimizer
        self.keepsBest = keepsBest
        parameterMemory = try AlignedMemory(count: layout.count, purpose: "the parameters")
        vectorMemory = try FlatState.vectorNames(optimizer, keepsBest: keepsBest).map {
            try AlignedMemory(count: layout.count, purpose: "the vector \($0)")
        }
    }

    /// S(0) of a plan.
    package convenience init(plan: Plan, seed: UInt64, keepsBest: Bool = false) throws {
        try self.init(layout: plan.layout, optimizer: plan.optimizer, keepsBest: keepsBest)
        initialize(seed: seed)
    }

    /// The flat parameters and buffers, `layout.count` floats.
    package var parameters: UnsafeMutablePointer<Float> { parameterMemory.floats }

    /// The names of the vectors beside the parameters, in order: the optimizer's, then `best` where it is kept.
    package static func vectorNames(_ optimizer: OptimizerKind, keepsBest: Bool) -> [String] {
        optimizer.vectorNames + (keepsBest ? ["best"] : [])
    }

    /// The vectors in the order of `vectorNames`, `layout.count` floats each.
    package var vectors: [UnsafeMutablePointer<Float>] { vectorMemory.map(\.floats) }

    /// The optimizer's vectors alone.
    var optimizerVectors: [UnsafeMutablePointer<Float>] {
        vectorMemory.prefix(optimizer.vectorNames.count).map(\.floats)
    }

    /// The parameters and buffers by name, in flat order.
    package var parameterViews: [View] { views(of: parameterMemory.floats, vector: nil) }

    /// The tensors beside the parameters by name, vector by vector. An optimizer has none for a buffer.
    package var optimizerViews: [View] {
        zip(FlatState.vectorNames(optimizer, keepsBest: keepsBest), vectorMemory).flatMap {
            views(of: $1.floats, vector: $0)
        }
    }

    /// The hash of the parameters and buffers.
    package func hash(_ kernels: Kernels) -> StateHash {
        var sums: (UInt64, UInt64) = (0, 0)
        withUnsafeMutableBytes(of: &sums) { bytes in
            kernels.table.pointee.hash_blocks(
                layout.count, parameters, 0, bytes.assumingMemoryBound(to: UInt64.self).baseAddress)
        }
        return StateHash(high: sums.0, low: sums.1)
    }

    private func views(of base: UnsafeMutablePointer<Float>, vector: String?) -> [View] {
        layout.entries(ofVector: vector).map { entry in
            View(
                name: (vector.map { $0 + "." } ?? "") + entry.name, shape: entry.shape,
                elements: UnsafeMutableBufferPointer(start: base + entry.range.lowerBound, count: entry.range.count))
        }
    }
}
