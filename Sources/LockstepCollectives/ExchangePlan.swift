package import LockstepCore

/// Everything about one rail of the all-reduce of one worker that stays the same through a generation.
///
/// Every root of every member has a number, its `part`: roots are counted in lane order over all members. A rail carries
/// a piece of every bucket. In one hop every member sends its roots of the piece to all, and sums all of it. In two hops
/// the piece is cut into a slice for each member, which sums it and sends the sum to all. What a worker sums is cut into
/// chunks: a chunk is a frame, and is summed by itself.
package final class ExchangePlan: Sendable {
    package struct Part: Sendable, Hashable {
        /// The member that owns the root.
        package let member: Int
        package let node: LaneTree.Node
    }

    /// Why lanes and settings make no plan. A roster comes from outside.
    package struct Fault: Error, Sendable, Equatable, CustomStringConvertible {
        package let description: String
    }

    package let tree: LaneTree
    /// For each member, in roster order, its lanes.
    package let lanes: [Range<Int>]
    package let ownIndex: Int
    package let settings: ExchangeSettings
    /// Which of `settings.links` rails this is. Rail 0 carries the control records too.
    package let rail: Int
    /// This rail's pieces of the buckets. Some may be empty.
    package let buckets: Buckets
    /// Float64 sums that a control record holds for each root: loss, weight, then metrics.
    package let sumCount: Int

    /// All roots in lane order.
    package let parts: [Part]
    /// For each member the numbers of its roots.
    package let partNumbers: [Range<Int>]
    /// Floats in the staging memory of this rail.
    package let stagingCount: Int
    /// Whether a bucket goes from all to all in one hop.
    private let oneHops: [Bool]
    /// For each bucket and member the slice that the member sums; empty ranges in one hop.
    private let slices: [Range<Int>]
    /// For each bucket the number of its first chunk that is summed here; behind the last one the number of all.
    private let firstChunks: [Int]
    /// For each bucket the place of its first staged part.
    private let stagingOffsets: [Int]
    /// For each part its number among the staged ones; -1 for own parts.
    private let stagedNumbers: [Int]
    /// How a chunk is added.
    private let additions: [ChunkReduction.Addition]
    /// For each member the bytes of gradients that it sends to this worker in a turn that has any.
    let incomingBytes: [Int]

    /// - Parameters:
    ///   - lanes: for each member, in roster order, its lanes. Together they cover the tree's lanes exactly once.
    ///   - elementCount: floats in the flat gradient.
    ///   - rail: in 0..<settings.links.
    package init(
        tree: LaneTree, lanes: [Range<Int>], ownIndex: Int, elementCount: Int, sumCount: Int,
        settings: ExchangeSettings, rail: Int = 0
    ) throws(Fault) {
        guard lanes.indices.contains(ownIndex) else { throw Fault(description: "this worker is not in the roster") }
        guard (1...4096).contains(sumCount) else {
            throw Fault(description: "a control record holds 1 to 4096 sums for each root, not \(sumCount)")
        }
        guard tree.laneCount <= Int(UInt16.max) else {
            throw Fault(description: "a job has at most 65535 lanes, not \(tree.laneCount)")
        }
        let whole = try ExchangePlan.buckets(elementCount: elementCount, settings)
        guard (0..<settings.links).contains(rail) else {
            throw Fault(description: "\(settings.links) links have no rail \(rail)")
        }
        let (parts, partNumbers) = try ExchangePlan.parts(of: lanes, tree)
        guard let treeAdditions = tree.additions(of: parts.map(\.node), to: tree.root) else {
            throw ExchangePlan.uncovered(tree)
        }
        self.tree = tree
        self.lanes = lanes
        self.ownIndex = ownIndex
        self.settings = settings
        self.rail = rail
        self.sumCount = sumCount
        self.parts = parts
        self.partNumbers = partNumbers
        let buckets = whole.rail(rail, of: settings.links, smallCount: settings.oneHopBytes / 4)
        self.buckets = buckets
        // With two parts in all one hop sends the same bytes as two.
        oneHops = whole.ranges.map { 4 * $0.count <= settings.oneHopBytes || parts.count == 2 }

        let members = lanes.count
        var slices = [Range<Int>](repeating: 0..<0, count: buckets.count * members)
        for bucket in 0..<buckets.count where !oneHops[bucket] {
            for member in 0..<members {
                slices[bucket * members + member] = buckets.slice(of: bucket, member: member, of: members)
            }
        }
        self.slices = slices
        var numbers = [Int](repeating: -1, count: parts.count)
        var foreignParts = 0
        for (number, part) in parts.enumerated() where part.member != ownIndex {
            numbers[number] = foreignParts
            foreignParts += 1
        }
        stagedNumbers = numbers
        additions = ChunkReduction.additions(
            treeAdditions,
            of: numbers.enumerated().map { number, staged in
                staged < 0 ? .root(number - partNumbers[ownIndex].lowerBound) : .staged(staged)
            })
        var firstChunks = [0]
        var offsets: [Int] = []
        var incoming = [Int](repeating: 0, count: members)
        var used = 0
        for bucket in 0..<buckets.count {
            let piece = buckets.ranges[bucket]
            let own = oneHops[bucket] ? piece : slices[bucket * members + ownIndex]
            offsets.append(used)
            used += foreignParts * ExchangePlan.alignedCount(own.count)
            let chunkFloats = settings.chunkBytes / 4
            let chunks = members == 1 ? 0 : (own.count + chunkFloats - 1) / chunkFloats
            firstChunks.append((firstChunks.last ?? 0) + chunks)
            for member in 0..<members where member != ownIndex {
                let slice = slices[bucket * members + member]
                incoming[member] += 4 * (own.count * partNumbers[member].count + slice.count)
            }
        }
        self.firstChunks = firstChunks
        stagingOffsets = offsets
        stagingCount = used
        incomingBytes = incoming
    }

    /// The plans of all rails.
    package static func rails(
        tree: LaneTree, lanes: [Range<Int>], ownIndex: Int, elementCount: Int, sumCount: Int,
        settings: ExchangeSettings
    ) throws(Fault) -> [ExchangePlan] {
        var plans: [ExchangePlan] = []
        repeat {
            plans.append(
                try ExchangePlan(
                    tree: tree, lanes: lanes, ownIndex: ownIndex, elementCount: elementCount, sumCount: sumCount,
                    settings: settings, rail: plans.count))
        } while plans.count < settings.links
        return plans
    }

    // MARK: Who is who

    package var memberCount: Int { lanes.count }

    /// The own roots, in lane order: what the compute threads sum into.
    package var ownRoots: [LaneTree.Node] { parts[partNumbers[ownIndex]].map(\.node) }

    /// The payload of a control record of `member`, in bytes.
    package func recordBytes(of member: Int) -> Int {
        ControlRecord.byteCount(rootCount: partNumbers[member].count, sumCount: sumCount)
    }

    // MARK: What is summed where

    /// Whether `bucket` goes from all to all in one hop.
    package func isOneHop(_ bucket: Int) -> Bool { oneHops[bucket] }

    /// What `member` sums and sends to all in two hops. Empty in one hop.
    package func slice(of bucket: Int, member: Int) -> Range<Int> { slices[bucket * memberCount + member] }

    /// What this worker sums of `bucket`: its slice, or in one hop the rail's whole piece.
    package func ownRange(of bucket: Int) -> Range<Int> { range(of: bucket, summedBy: ownIndex) }

    /// What `member` sums of `bucket`: where its contributions are counted from.
    func range(of bucket: Int, summedBy member: Int) -> Range<Int> {
        oneHops[bucket] ? buckets.ranges[bucket] : slices[bucket * memberCount + member]
    }

    /// Whether the payload of another member can be added to an own root at once: there is one of each.
    var isPair: Bool { memberCount == 2 && parts.count == 2 }

    /// Parts that others send.
    var foreignPartCount: Int { parts.count - partNumbers[ownIndex].count }

    /// Where the contribution of another member's `part` to `bucket` is staged, in floats.
    package func stagingOffset(bucket: Int, part: Int) -> Int {
        stagingOffsets[bucket] + stagedNumbers[part] * ExchangePlan.alignedCount(ownRange(of: bucket).count)
    }

    /// What comes of the totals of others.
    func incomingTotalBytes(of bucket: Int) -> Int {
        oneHops[bucket] ? 0 : 4 * (buckets.ranges[bucket].count - ownRange(of: bucket).count)
    }

    // MARK: Chunks that are summed here

    var chunkFloats: Int { settings.chunkBytes / 4 }

    /// All of them; none for a lone worker, whose one root is the total.
    var chunkCount: Int { firstChunks[buckets.count] }

    /// The numbers of the chunks of `bucket`.
    func chunks(of bucket: Int) -> Range<Int> { firstChunks[bucket]..<firstChunks[bucket + 1] }

    /// The range of the flat gradient of a chunk of `bucket`.
    func range(ofChunk chunk: Int, of bucket: Int) -> Range<Int> {
        let own = ownRange(of: bucket)
        let lower = own.lowerBound + (chunk - firstChunks[bucket]) * chunkFloats
        return lower..<min(own.upperBound, lower + chunkFloats)
    }

    func reduction(ofChunk chunk: Int, of bucket: Int) -> ChunkReduction {
        let own = ownRange(of: bucket)
        let range = range(ofChunk: chunk, of: bucket)
        return ChunkReduction(
            bucket: bucket, range: range, additions: additions,
            stagingOffset: stagingOffsets[bucket] + range.lowerBound - own.lowerBound,
            stagingStride: ExchangePlan.alignedCount(own.count))
    }

    // MARK: What is sent

    /// The bytes of gradients that this worker sends on this rail in one training step, headers not counted.
    package var gradientBytesPerStep: Int { sum(overTransfers: { 4 * $0 }) }

    /// The frames of gradients that this worker sends on this rail in one training step.
    package var gradientFramesPerStep: Int { sum(overTransfers: { ($0 + chunkFloats - 1) / chunkFloats }) }

    /// Contributions to what every other member sums, and the own total to every other member.
    private func sum(overTransfers value: (_ floats: Int) -> Int) -> Int {
        var sum = 0
        for bucket in 0..<buckets.count {
            for member in 0..<memberCount where member != ownIndex {
                sum += value(range(of: bucket, summedBy: member).count) * partNumbers[ownIndex].count
                sum += value(slice(of: bucket, member: ownIndex).count)
            }
        }
        return sum
    }

    // MARK: Checks

    private static func alignedCount(_ count: Int) -> Int {
        (count + Buckets.alignment - 1) / Buckets.alignment * Buckets.alignment
    }

    private static func uncovered(_ tree: LaneTree) -> Fault {
        Fault(description: "the roster's lanes do not cover 0..<\(tree.laneCount) exactly once")
    }

    /// The whole buckets that `settings` make.
    private static func buckets(elementCount: Int, _ settings: ExchangeSettings) throws(Fault) -> Buckets {
        guard (0...(1 << 40)).contains(elementCount) else {
            throw Fault(description: "a gradient has at most 2^40 floats, not \(elementCount)")
        }
        guard (64...(1 << 30)).contains(settings.chunkBytes), settings.chunkBytes.isMultiple(of: 64) else {
            throw Fault(description: "a chunk has a multiple of 64 bytes, at most 2^30, not \(settings.chunkBytes)")
        }
        guard (0...(1 << 30)).contains(settings.oneHopBytes) else {
            throw Fault(description: "a bucket sent in one hop has at most 2^30 bytes, not \(settings.oneHopBytes)")
        }
        guard (1...ExchangeSettings.mostLinks).contains(settings.links) else {
            throw Fault(description: "a pair has 1 to \(ExchangeSettings.mostLinks) links, not \(settings.links)")
        }
        guard let buckets = Buckets(elementCount: elementCount, boundaries: settings.bucketBoundaries) else {
            throw Fault(
                description: "cuts between buckets are ascending multiples of 16 inside the \(elementCount) floats of "
                    + "the gradient, at most 65534")
        }
        return buckets
    }

    private static func parts(
        of lanes: [Range<Int>], _ tree: LaneTree
    ) throws(Fault) -> (parts: [Part], numbers: [Range<Int>]) {
        let order = lanes.indices.sorted { (lanes[$0].lowerBound, $0) < (lanes[$1].lowerBound, $1) }
        var next = 0
        var parts: [Part] = []
        var numbers = [Range<Int>](repeating: 0..<0, count: lanes.count)
        for member in order {
            guard lanes[member].lowerBound == next, !lanes[member].isEmpty, lanes[member].upperBound <= tree.laneCount
            else { throw uncovered(tree) }
            next = lanes[member].upperBound
            let first = parts.count
            parts += tree.roots(in: lanes[member]).map { Part(member: member, node: $0) }
            numbers[member] = first..<parts.count
        }
        guard next == tree.laneCount else { throw uncovered(tree) }
        return (parts, numbers)
    }
}
