internal import LockstepCollectives

/// What a person asks for of the way that gradients travel. What is nil is measured.
package struct ExchangeWish: Sendable, Hashable {
    /// Links between each pair of members.
    package var links: Int?
    /// Of a bucket; the last may be smaller.
    package var bucketBytes: Int?

    package init(links: Int? = nil, bucketBytes: Int? = nil) {
        self.links = links
        self.bucketBytes = bucketBytes
    }

    /// Links are tried up to so many where nothing is asked for.
    package static let mostTriedLinks = 4
    package static let leastBucketBytes = 64 * Buckets.alignment

    /// How many rails a worker offers.
    package var offeredLinks: ClosedRange<Int> { links.map { $0...$0 } ?? 1...ExchangeWish.mostTriedLinks }

    /// The cuts between buckets of `bucketBytes`; none where that is nil.
    package func boundaries(elementCount: Int) -> [Int] {
        guard let bucketBytes, elementCount > 0 else { return [] }
        let unit = 4 * Buckets.alignment
        // A bucket's number in a frame has 16 bits.
        let fewest = (4 * elementCount / ExchangeWish.mostBuckets + unit - 1) / unit * Buckets.alignment
        let floats = max(bucketBytes / unit * Buckets.alignment, fewest, Buckets.alignment)
        return Array(stride(from: floats, to: elementCount, by: floats))
    }

    private static let mostBuckets = 60_000
}
