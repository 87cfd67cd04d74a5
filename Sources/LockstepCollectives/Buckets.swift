/// How the flat gradient is cut into buckets, and a bucket into slices. Counts are in floats.
package struct Buckets: Sendable, Hashable {
    /// Cuts between slices and between buckets lie at multiples of 16 floats, 64 bytes.
    package static let alignment = 16

    /// The buckets in order; together they cover the flat gradient.
    package let ranges: [Range<Int>]
    package let elementCount: Int

    /// One bucket for the whole gradient.
    package init(elementCount: Int) {
        self.elementCount = max(0, elementCount)
        ranges = [0..<self.elementCount]
    }

    /// - Parameters:
    ///   - elementCount: floats in the flat gradient.
    ///   - boundaries: the cuts between buckets: ascending, inside the gradient, multiples of 16.
    /// - Returns: nil where the boundaries are not that, or more than 65,535.
    package init?(elementCount: Int, boundaries: [Int]) {
        guard elementCount >= 0, boundaries.count < Int(UInt16.max) else { return nil }
        var ranges: [Range<Int>] = []
        var lower = 0
        for boundary in boundaries {
            guard boundary > lower, boundary < elementCount, boundary.isMultiple(of: Buckets.alignment) else {
                return nil
            }
            ranges.append(lower..<boundary)
            lower = boundary
        }
        ranges.append(lower..<elementCount)
        self.elementCount = elementCount
        self.ranges = ranges
    }

    package var count: Int { ranges.count }

    /// The range of the flat gradient that member `member` of `memberCount` sums in `bucket`. May be empty.
    ///
    /// - Parameter member: in 0..<memberCount.
    package func slice(of bucket: Int, member: Int, of memberCount: Int) -> Range<Int> {
        let range = ranges[bucket]
        let units = (range.count + Buckets.alignment - 1) / Buckets.alignment
        func bound(_ member: Int) -> Int {
            // At twice the width, so that the product cannot overflow; the quotient is at most `units`.
            let unit = memberCount.dividingFullWidth(units.multipliedFullWidth(by: member)).quotient
            return range.lowerBound + min(range.count, unit * Buckets.alignment)
        }
        return bound(member)..<bound(member + 1)
    }
}
