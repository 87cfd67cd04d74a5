package import LockstepCore

/// Everything about the all-reduce of one worker that stays the same through a generation.
///
/// Every root of every member has a number, its `part`: roots are counted in lane order over all members.
package struct ExchangePlan: Sendable {
    package struct Part: Sendable, Hashable {
        /// The member that owns the root.
        package let member: Int
        package let node: LaneTree.Node
    }

    /// Why lanes and buckets make no plan. A roster comes from outside.
    package struct Fault: Error, Sendable, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// Payloads longer than this are sent in several frames.
    package static let defaultChunkBytes = 512 * 1024

    /// The chunk for a flat gradient of `elementCount` floats among `members`: a quarter of a slice, so that sealing,
    /// carrying and opening its pieces overlap, but 64 KiB at least and 512 KiB at most. The same in every process.
    package static func chunkBytes(elementCount: Int, members: Int) -> Int {
        let quarter = elementCount / max(1, members) / 64 * 64
        return min(defaultChunkBytes, max(64 * 1024, quarter))
    }

    package let tree: LaneTree
    /// For each member, in roster order, its lanes.
    package let lanes: [Range<Int>]
    package let ownIndex: Int
    package let buckets: Buckets
    /// Float64 sums that a control record holds for each root: loss, weight, then metrics.
    package let sumCount: Int
    package let chunkBytes: Int

    /// All roots in lane order.
    package let parts: [Part]
    /// For each member the numbers of its roots.
    package let partNumbers: [Range<Int>]
    /// For each bucket and member the range of the flat gradient that the member sums.
    package let slices: [[Range<Int>]]
    /// Floats in the staging memory.
    package let stagingCount: Int
    /// For each bucket how the own slice is summed, or nil where it is empty.
    package let reductions: [SliceReduction?]

    /// For each bucket and part the place of the staged copy; -1 for own parts.
    private let stagingOffsets: [[Int]]

    /// - Parameters:
    ///   - lanes: for each member, in roster order, its lanes. Together they cover the tree's lanes exactly once.
    ///   - chunkBytes: a multiple of 64, the same in every process.
    package init(
        tree: LaneTree, lanes: [Range<Int>], ownIndex: Int, buckets: Buckets, sumCount: Int,
        chunkBytes: Int = ExchangePlan.defaultChunkBytes
    ) throws(Fault) {
        guard lanes.indices.contains(ownIndex) else { throw Fault(description: "this worker is not in the roster") }
        guard (1...4096).contains(sumCount) else {
            throw Fault(description: "a control record holds 1 to 4096 sums for each root, not \(sumCount)")
        }
        guard chunkBytes >= 64, chunkBytes.isMultiple(of: 64), chunkBytes <= 1 << 30 else {
            throw Fault(description: "a chunk has a multiple of 64 bytes, not \(chunkBytes)")
        }
        guard tree.laneCount <= Int(UInt16.max) else {
            throw Fault(description: "a job has at most 65535 lanes, not \(tree.laneCount)")
        }
        let order = lanes.indices.sorted { (lanes[$0].lowerBound, $0) < (lanes[$1].lowerBound, $1) }
        var next = 0
        var parts: [Part] = []
        var partNumbers = [Range<Int>](repeating: 0..<0, count: lanes.count)
        for member in order {
            guard lanes[member].lowerBound == next, !lanes[member].isEmpty, lanes[member].upperBound <= tree.laneCount
            else { throw Fault(description: "the roster's lanes do not cover 0..<\(tree.laneCount) exactly once") }
            next = lanes[member].upperBound
            let first = parts.count
            parts += tree.roots(in: lanes[member]).map { Part(member: member, node: $0) }
            partNumbers[member] = first..<parts.count
        }
        guard next == tree.laneCount, let additions = tree.additions(of: parts.map(\.node), to: tree.root) else {
            throw Fault(description: "the roster's lanes do not cover 0..<\(tree.laneCount) exactly once")
        }
        self.tree = tree
        self.lanes = lanes
        self.ownIndex = ownIndex
        self.buckets = buckets
        self.sumCount = sumCount
        self.chunkBytes = chunkBytes
        self.parts = parts
        self.partNumbers = partNumbers

        var slices: [[Range<Int>]] = []
        var offsets: [[Int]] = []
        var reductions: [SliceReduction?] = []
        var used = 0
        for bucket in 0..<buckets.count {
            slices.append(lanes.indices.map { buckets.slice(of: bucket, member: $0, of: lanes.count) })
            let own = slices[bucket][ownIndex]
            var places = [Int](repeating: -1, count: parts.count)
            for (number, part) in parts.enumerated() where part.member != ownIndex {
                places[number] = used
                used += (own.count + Buckets.alignment - 1) / Buckets.alignment * Buckets.alignment
            }
            offsets.append(places)
            let operands = parts.enumerated().map { number, part -> SliceReduction.Operand in
                part.member == ownIndex
                    ? .root(number - partNumbers[ownIndex].lowerBound) : .staging(floatOffset: places[number])
            }
            reductions.append(
                own.isEmpty
                    ? nil : SliceReduction(bucket: bucket, slice: own, operands: operands, additions: additions))
        }
        self.slices = slices
        self.reductions = reductions
        stagingOffsets = offsets
        stagingCount = used
    }

    package var memberCount: Int { lanes.count }

    /// The own roots, in lane order: what the compute threads sum into.
    package var ownRoots: [LaneTree.Node] { parts[partNumbers[ownIndex]].map(\.node) }

    /// The own slice of a bucket.
    package func ownSlice(of bucket: Int) -> Range<Int> { slices[bucket][ownIndex] }

    /// Where a foreign part's contribution to the own slice of `bucket` is staged, in floats.
    package func stagingOffset(bucket: Int, part: Int) -> Int { stagingOffsets[bucket][part] }

    /// The bytes of gradients that this worker sends in one training step, headers not counted.
    package var gradientBytesPerStep: Int {
        (0..<buckets.count).reduce(0) { sum, bucket in
            sum + transfers(of: bucket).reduce(0) { $0 + 4 * $1.floats * $1.times }
        }
    }

    /// The frames of gradients that this worker sends in one training step.
    package var gradientFramesPerStep: Int {
        (0..<buckets.count).reduce(0) { sum, bucket in
            sum + transfers(of: bucket).reduce(0) { $0 + chunkCount(bytes: 4 * $1.floats) * $1.times }
        }
    }

    /// The payload of a control record of `member`, in bytes.
    package func recordBytes(of member: Int) -> Int {
        ControlRecord.byteCount(rootCount: partNumbers[member].count, sumCount: sumCount)
    }

    /// The bytes that `member` sends to this worker in one training step.
    func gradientBytes(from member: Int) -> Int {
        (0..<buckets.count).reduce(0) { sum, bucket in
            sum + 4 * (ownSlice(of: bucket).count * partNumbers[member].count + slices[bucket][member].count)
        }
    }

    func chunkCount(bytes: Int) -> Int { (bytes + chunkBytes - 1) / chunkBytes }

    /// What goes out for a bucket: contributions to every other member's slice, the own total to every other member.
    private func transfers(of bucket: Int) -> [(floats: Int, times: Int)] {
        var transfers = [(floats: ownSlice(of: bucket).count, times: memberCount - 1)]
        for member in lanes.indices where member != ownIndex {
            transfers.append((slices[bucket][member].count, partNumbers[ownIndex].count))
        }
        return transfers
    }
}
