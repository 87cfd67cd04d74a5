/// How gradients travel in a generation. The same in every process, part of the roster. Changes no bit.
package struct ExchangeSettings: Sendable, Hashable, Codable {
    /// The cuts between buckets, in floats: ascending multiples of 16 inside the flat gradient. None makes one bucket.
    package var bucketBoundaries: [Int]
    /// A bucket of at most so many bytes goes from all to all in one hop, on rail 0.
    package var oneHopBytes: Int
    /// The longest payload of a frame of gradients: a multiple of 64.
    package var chunkBytes: Int
    /// Links between each pair of members, on a data event loop each: 1 to 16.
    package var links: Int
    /// Whether data loops poll while an exchange is awaited.
    package var staysAwake: Bool

    /// Above this two hops are faster from four members on, says the simulation of scaling.
    package static let defaultOneHopBytes = 32 * 1024
    /// 31 records of TLS: a frame with its header leaves in one flush of 512 KiB.
    package static let defaultChunkBytes = 31 * 16 * 1024
    package static let mostLinks = 16

    package init(
        bucketBoundaries: [Int] = [], oneHopBytes: Int = ExchangeSettings.defaultOneHopBytes,
        chunkBytes: Int = ExchangeSettings.defaultChunkBytes, links: Int = 1, staysAwake: Bool = false
    ) {
        self.bucketBoundaries = bucketBoundaries
        self.oneHopBytes = oneHopBytes
        self.chunkBytes = chunkBytes
        self.links = links
        self.staysAwake = staysAwake
    }

    /// A chunk that suits a bucket of `floats` among `members`: a part of what a member sums, so that sealing, carrying,
    /// opening and adding its pieces overlap, but 64 KiB at least.
    ///
    /// Two members, who sum all of it, do best with long frames. Among more the slices come from several sides at once, and
    /// shorter frames are faster (measured with four).
    package static func chunkBytes(floats: Int, members: Int) -> Int {
        members <= 2
            ? min(defaultChunkBytes, max(64 * 1024, floats * 2 / 64 * 64))
            : min(15 * 16 * 1024, max(64 * 1024, floats / members / 64 * 64))
    }
}
