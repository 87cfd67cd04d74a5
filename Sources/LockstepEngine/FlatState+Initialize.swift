internal import LockstepCore

extension FlatState {
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
}
