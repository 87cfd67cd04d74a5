internal import LockstepCore

/// How a chunk of the own part of a bucket becomes its total: additions of two operands in the order of the canonical
/// tree. A small value; the additions are the plan's and shared.
package struct ChunkReduction: Sendable, Hashable {
    package enum Operand: Sendable, Hashable {
        /// The own root with this index, at `range` of its flat gradient. Read only: roots may be on their way out.
        case root(Int)
        /// The staged part of another member, counted in lane order without the own ones.
        case staged(Int)
    }

    /// One addition `into = left + right`, element by element.
    package struct Addition: Sendable, Hashable {
        package let left: Operand
        package let right: Operand
        /// The number of the staged part that the sum takes the place of; nil for the total.
        package let into: Int?
    }

    /// Adds `count` floats: `into[i] = left[i] + right[i]`. `into` may be `left` or `right`.
    package typealias Adding = (
        _ into: UnsafeMutablePointer<Float>, _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, _ count: Int
    ) -> Void

    package let bucket: Int
    /// The range of the flat gradient that is summed; never empty.
    package let range: Range<Int>
    /// In order; the last one, and only that, makes the total.
    package let additions: [Addition]
    /// Where the chunk of the first staged part lies in the staging memory, in floats.
    let stagingOffset: Int
    /// From a staged part to the next one, in floats.
    let stagingStride: Int

    /// Adds in tree order and writes the total at `range`. Staged parts hold partial sums afterwards, roots are only read.
    ///
    /// - Parameters:
    ///   - roots: for each own root its flat gradient, in lane order.
    ///   - staging: `ExchangePlan.stagingCount` floats.
    ///   - total: the flat gradient's total; no root.
    ///   - add: called on pieces that the first cache holds while the whole tree is added.
    package func apply(
        roots: [UnsafeMutablePointer<Float>], staging: UnsafeMutablePointer<Float>, total: UnsafeMutablePointer<Float>,
        add: Adding = ChunkReduction.addPlainly
    ) {
        // A single addition passes over everything once anyway.
        let block = additions.count == 1 ? range.count : 1024
        var start = 0
        while start < range.count {
            let count = min(block, range.count - start)
            for addition in additions {
                let into = addition.into.map { staged($0, in: staging) } ?? total + range.lowerBound
                add(
                    into + start, place(of: addition.left, roots, staging) + start,
                    place(of: addition.right, roots, staging) + start, count)
            }
            start += count
        }
    }

    /// The definition of `Adding`.
    package static func addPlainly(
        _ into: UnsafeMutablePointer<Float>, _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, _ count: Int
    ) {
        var index = 0
        while index < count {
            into[index] = left[index] + right[index]
            index += 1
        }
    }

    private func staged(_ number: Int, in staging: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
        staging + stagingOffset + number * stagingStride
    }

    private func place(
        of operand: Operand, _ roots: [UnsafeMutablePointer<Float>], _ staging: UnsafeMutablePointer<Float>
    ) -> UnsafePointer<Float> {
        switch operand {
        case .root(let index): UnsafePointer(roots[index] + range.lowerBound)
        case .staged(let number): UnsafePointer(staged(number, in: staging))
        }
    }

    /// The additions of the canonical tree as additions of two operands that never write a root.
    ///
    /// Two own roots never meet: they would be one root. So of two operands one at least is a staged part, or a sum that
    /// took the place of one, and gives its place to the new sum.
    ///
    /// - Parameter operands: of all parts in lane order.
    static func additions(_ additions: [LaneTree.Addition], of operands: [Operand]) -> [Addition] {
        var places = operands
        return additions.enumerated().map { number, addition in
            let left = places[addition.into]
            let right = places[addition.from]
            var into: Int?
            if number < additions.count - 1 {
                if case .staged(let place) = left { into = place }
                if into == nil, case .staged(let place) = right { into = place }
            }
            if let into { places[addition.into] = .staged(into) }
            return Addition(left: left, right: right, into: into)
        }
    }
}
