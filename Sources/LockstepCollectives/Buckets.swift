/// How the flat gradient is cut into buckets, a bucket into the pieces of rails, and a piece into slices. Counts are in
/// floats.
package struct Buckets: Sendable, Hashable {
    /// Cuts between buckets, rails and slices lie at multiples of 16 floats, 64 bytes.
    package static let alignment = 16

    /// The buckets in order. Together they cover the flat gradient, or a rail's part of it.
    package let ranges: [Range<Int>]
    /// Floats in the flat gradient.
    package let elementCount: Int

    private init(elementCount: Int, ranges: [Range<Int>]) {
        self.elementCount = elementCount
        self.ranges = ranges
    }

    /// One bucket for the whole gradient.
    package init(elementCount: Int) {
        let count = max(0, elementCount)
        self.init(elementCount: count, ranges: [0..<count])
    }

    /// - Parameters:
    ///   - elementCount: floats in the flat gradient.
    ///   - boundaries: the cuts between buckets: ascending, inside the gradient, multiples of 16.
    /// - Returns: nil where the boundaries are not that, or more than 65,534.
    package init?(elementCount: Int, boundaries: [Int]) {
        guard elementCount >= 0, boundaries.count < Int(UInt16.max) else { return nil }
        var ranges: [Range<Int>] = []
        ranges.reserveCapacity(boundaries.count + 1)
        var lower = 0
        for boundary in boundaries {
            guard boundary > lower, boundary < elementCount, boundary.isMultiple(of: Buckets.alignment) else {
                return nil
            }
            ranges.append(lower..<boundary)
            lower = boundary
        }
        ranges.append(lower..<elementCount)
        self.init(elementCount: elementCount, ranges: ranges)
    }

    package var count: Int { ranges.count }

    /// What rail `rail` of `railCount` carries: a contiguous piece of every bucket, which may be empty.
    ///
    /// - Parameters:
    ///   - rail: in 0..<railCount.
    ///   - smallCount: a bucket of at most so many floats is not cut: rail 0 carries it, beside the control record.
    package func rail(_ rail: Int, of railCount: Int, smallCount: Int = 0) -> Buckets {
        let pieces = ranges.map { range in
            guard range.count > smallCount else { return rail == 0 ? range : range.upperBound..<range.upperBound }
            return Buckets.cut(range, rail, of: railCount)
        }
        return Buckets(elementCount: elementCount, ranges: pieces)
    }

    /// The range of the flat gradient that member `member` of `memberCount` sums in `bucket`. May be empty.
    ///
    /// - Parameter member: in 0..<memberCount.
    package func slice(of bucket: Int, member: Int, of memberCount: Int) -> Range<Int> {
        Buckets.cut(ranges[bucket], member, of: memberCount)
    }

    /// Part `index` of `count` about equal parts of `range`.
    private static func cut(_ range: Range<Int>, _ index: Int, of count: Int) -> Range<Int> {
        let units = (range.count + alignment - 1) / alignment
        func bound(_ index: Int) -> Int {
            // At twice the width, so that the product cannot overflow; the quotient is at most `units`.
            let unit = count.dividingFullWidth(units.multipliedFullWidth(by: index)).quotient
            return range.lowerBound + min(range.count, unit * alignment)
        }
        return bound(index)..<bound(index + 1)
    }
}
