internal import CLockstepKernels
internal import LockstepCore

extension FlatState {
    /// Sets parameters and buffers to their initial values and the optimizer's vectors to zero (`docs/arithmetic.md`,
    /// Randomness).
    package func initialize(seed: UInt64) {
        let generator = Philox(seed: seed, purpose: .initialization)
        for memory in [parameterMemory] + vectorMemory { memory.floats.update(repeating: 0, count: layout.count) }
        for entry in layout.entries {
            let elements = UnsafeMutableBufferPointer(
                start: parameters + entry.range.lowerBound, count: entry.range.count)
            let stream = InitialStream(generator: generator, site: FlatState.site(of: entry.name))
            switch entry.initializer {
            case .uniformByFanIn: stream.fill(elements, bound: 1 / Double(entry.fanIn).squareRoot())
            case .uniform(let bound): stream.fill(elements, bound: bound)
            case .xavierUniform:
                let extents = entry.shape.prefix(2).reduce(0, +)
                stream.fill(elements, bound: (6 / Double(extents)).squareRoot())
            case .normal(let deviation, let zeroRow):
                stream.fill(elements, deviation: Float(deviation))
                let width = entry.shape.dropFirst().reduce(1, *)
                if let zeroRow, (0..<entry.shape[0]).contains(zeroRow) {
                    elements[zeroRow * width..<(zeroRow + 1) * width].update(repeating: 0)
                }
            case .zeros: elements.update(repeating: 0)
            case .ones: elements.update(repeating: 1)
            }
        }
    }

    /// The call site of a name: the first four bytes of its SHA-256, little-endian.
    static func site(of name: String) -> UInt32 {
        DigestBuilder.digest(of: Array(name.utf8)).bytes.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}

/// The uniform numbers of one tensor.
private struct InitialStream {
    let generator: Philox
    let site: UInt32

    /// Element e is u·(2·bound) − bound, the product and the difference rounded by themselves, the bound rounded once; u
    /// is element e of the stream.
    func fill(_ elements: UnsafeMutableBufferPointer<Float>, bound: Double) {
        let bound = Float(bound)
        let width = 2 * bound
        draw(elements)
        for index in elements.indices {
            let scaled = elements[index] * width
            elements[index] = scaled - bound
        }
    }

    /// Element e is (√(−2 · log(1 − u)) · cos(2π · v)) · deviation; u and v are elements 2e and 2e + 1 of the stream.
    func fill(_ elements: UnsafeMutableBufferPointer<Float>, deviation: Float) {
        let kernels = Kernels.best().table
        let pairs = UnsafeMutableBufferPointer<Float>.allocate(capacity: 2 * elements.count)
        defer { pairs.deallocate() }
        draw(pairs)
        let (radii, angles) = (elements, UnsafeMutableBufferPointer(rebasing: pairs[..<elements.count]))
        for index in elements.indices { radii[index] = 1 - pairs[2 * index] }
        for index in elements.indices { angles[index] = pairs[2 * index + 1] * 6.2831855 }
        kernels.pointee.log(elements.count, radii.baseAddress, radii.baseAddress)
        kernels.pointee.cos(elements.count, angles.baseAddress, angles.baseAddress)
        for index in elements.indices {
            let radius = (-2 * radii[index]).squareRoot()
            let normal = radius * angles[index]
            elements[index] = normal * deviation
        }
    }

    private func draw(_ elements: UnsafeMutableBufferPointer<Float>) {
        for start in stride(from: 0, to: elements.count, by: 4) {
            let block = generator.block([UInt32(start / 4), site, 0, 0])
            for offset in 0..<min(4, elements.count - start) {
                elements[start + offset] = Philox.unit(block[offset])
            }
        }
    }
}
