package import LockstepCore

/// How the own slice of a bucket becomes its total: operands in lane order and the additions of the canonical tree.
package struct SliceReduction: Sendable, Hashable {
    package enum Operand: Sendable, Hashable {
        /// The own root with this index, at `slice` of its flat gradient.
        case root(Int)
        /// A staged part, `slice.count` floats from here.
        case staging(floatOffset: Int)
    }

    package let bucket: Int
    /// The range of the flat gradient that is summed here; never empty.
    package let slice: Range<Int>
    package let operands: [Operand]
    package let additions: [LaneTree.Addition]

    /// Adds in tree order and writes the total.
    ///
    /// The operands are consumed: the staged parts and `slice` of the own roots hold partial sums afterwards. Nobody
    /// reads them again in this turn, because the own slice of an own root is never sent.
    ///
    /// - Parameters:
    ///   - roots: for each own root its flat gradient, in lane order.
    ///   - staging: `ExchangePlan.stagingCount` floats.
    ///   - total: the flat gradient's total; written at `slice` only. May be a root where that is the only operand.
    package func apply(
        roots: [UnsafeMutablePointer<Float>], staging: UnsafeMutablePointer<Float>, total: UnsafeMutablePointer<Float>
    ) {
        // A lone worker's root is the total already.
        if additions.isEmpty, case .root(let index)? = operands.first, roots[index] == total { return }
        let values = operands.map { operand in
            switch operand {
            case .root(let index): roots[index] + slice.lowerBound
            case .staging(let offset): staging + offset
            }
        }
        // A block of every operand stays in the first cache while the whole tree is added.
        let block = 1024
        var start = 0
        while start < slice.count {
            let count = min(block, slice.count - start)
            for addition in additions {
                let into = values[addition.into] + start
                let from = values[addition.from] + start
                for index in 0..<count { into[index] += from[index] }
            }
            (total + slice.lowerBound + start).update(from: values[0] + start, count: count)
            start += count
        }
    }
}
