internal import CLockstepKernels
package import LockstepCore

/// The hashes of a state, taken in one pass over it.
package struct StateHashes: Sendable, Hashable {
    /// Over the parameters and buffers: what control records carry.
    package let parameters: StateHash
    /// Over all vectors and the numbers beside them.
    package let whole: StateHash

    /// - Parameters:
    ///   - vectors: the parameters and buffers, then the others in order, `count` floats each.
    ///   - numbers: what belongs to the state beside its vectors.
    package init(
        vectors: [UnsafePointer<Float>], count: Int, numbers: [Double], kernels: Kernels
    ) {
        let blocks = UInt64((count + Int(LS_HASH_BLOCK) - 1) / Int(LS_HASH_BLOCK))
        // Each number is one word of a block, as a pair of floats is.
        let words = numbers.map(\.bitPattern.littleEndian)
        var sums: (UInt64, UInt64) = (0, 0)
        var parameters = StateHash(high: 0, low: 0)
        func add(_ floats: UnsafePointer<Float>, count: Int, firstBlock: UInt64) {
            withUnsafeMutableBytes(of: &sums) { bytes in
                kernels.table.pointee.hash_blocks(
                    count, floats, firstBlock, bytes.assumingMemoryBound(to: UInt64.self).baseAddress)
            }
        }
        for (number, vector) in vectors.enumerated() {
            add(vector, count: count, firstBlock: UInt64(number) * blocks)
            if number == 0 { parameters = StateHash(high: sums.0, low: sums.1) }
        }
        words.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
            let floats = 2 * words.count
            start.withMemoryRebound(to: Float.self, capacity: floats) {
                add($0, count: floats, firstBlock: UInt64(vectors.count) * blocks)
            }
        }
        self.parameters = parameters
        whole = StateHash(high: sums.0, low: sums.1)
    }
}

extension FlatState {
    /// The hashes of this state with the numbers that belong to it.
    package func hashes(_ kernels: Kernels, numbers: [Double]) -> StateHashes {
        StateHashes(
            vectors: ([parameters] + vectors).map { UnsafePointer($0) }, count: layout.count, numbers: numbers,
            kernels: kernels)
    }
}
