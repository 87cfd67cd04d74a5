internal import LockstepCore

/// Which thread computes which lanes together, and how the sums of their gradients become those of the worker's
/// roots. Nothing here changes a bit of a sum.
struct LaneSchedule {
    /// Adjacent lanes that a thread computes as one batch.
    struct Group: Hashable {
        /// Counted from the worker's first lane.
        var lanes: Range<Int>
        /// The complete subtrees that partition `lanes`.
        var subtrees: Range<Int>
    }

    /// A complete subtree inside one group: the kernels sum its lanes.
    struct Subtree: Hashable {
        /// Counted from the worker's first lane.
        var lanes: Range<Int>
        /// The worker's root that it is a part of.
        var root: Int
        /// Where its gradient goes: −1 straight to the root's destination, else a buffer of that number.
        var buffer: Int
    }

    /// `gradient[into] += gradient[from]`, by subtree.
    struct Addition: Hashable {
        var into: Int
        var from: Int
    }

    let lanesPerGroup: Int
    private(set) var roots: [LaneTree.Node]
    /// The groups of each thread.
    private(set) var threads: [Range<Int>] = []
    private(set) var groups: [Group] = []
    private(set) var subtrees: [Subtree] = []
    private(set) var bufferCount = 0
    /// Additions between subtrees, in the order of the tree; each root ends in its first subtree.
    private(set) var additions: [Addition] = []
    /// The group that has only the isolated lane.
    private(set) var isolatedGroup: Int?

    /// - Parameters:
    ///   - lanes: those that the worker owns, not empty.
    ///   - threads: at most; never more are used than there are lanes.
    ///   - lanesPerGroup: at most so many lanes are computed as one batch.
    ///   - isolated: one of the lanes that is computed by itself. No group of its thread is larger for that.
    init(lanes: Range<Int>, tree: LaneTree, threads: Int, lanesPerGroup: Int = .max, isolated: Int? = nil) {
        self.lanesPerGroup = lanesPerGroup
        roots = tree.roots(in: lanes)
        let threadCount = max(1, min(threads, lanes.count))
        for thread in 0..<threadCount {
            let range = LanePositions.range(lane: thread, of: threadCount, batch: lanes.count)
            let first = groups.count
            let own = lanes.lowerBound + range.lowerBound..<lanes.lowerBound + range.upperBound
            let together = LaneSchedule.groups(tree.roots(in: own), lanesPerGroup)
            if let isolated, own.contains(isolated) {
                let limit = together.map { $0.reduce(0) { $0 + $1.lanes.count } }.max() ?? 1
                append(
                    LaneSchedule.groups(tree.roots(in: own.lowerBound..<isolated), limit), firstLane: lanes.lowerBound)
                isolatedGroup = groups.count
                append([[LaneTree.Node(isolated..<isolated + 1)]], firstLane: lanes.lowerBound)
                append(
                    LaneSchedule.groups(tree.roots(in: isolated + 1..<own.upperBound), limit),
                    firstLane: lanes.lowerBound)
            } else {
                append(together, firstLane: lanes.lowerBound)
            }
            self.threads.append(first..<groups.count)
        }
        for (index, root) in roots.enumerated() {
            let members = subtrees.indices.filter { subtrees[$0].root == index }
            let nodes = members.map { member in
                LaneTree.Node(
                    subtrees[member].lanes.lowerBound + lanes.lowerBound..<subtrees[member].lanes.upperBound
                        + lanes.lowerBound)
            }
            for addition in tree.additions(of: nodes, to: root) ?? [] {
                additions.append(Addition(into: members[addition.into], from: members[addition.from]))
            }
        }
    }

    private mutating func append(_ groups: [[LaneTree.Node]], firstLane: Int) {
        for nodes in groups { append(nodes, firstLane: firstLane) }
    }

    private mutating func append(_ nodes: [LaneTree.Node], firstLane: Int) {
        guard let first = nodes.first, let last = nodes.last else { return }
        let start = subtrees.count
        for node in nodes {
            let root = roots.firstIndex { $0.lanes.overlaps(node.lanes) } ?? 0
            let isFirst = roots[root].lanes.lowerBound == node.lanes.lowerBound
            subtrees.append(
                Subtree(
                    lanes: node.lanes.lowerBound - firstLane..<node.lanes.upperBound - firstLane, root: root,
                    buffer: isFirst ? -1 : bufferCount))
            if !isFirst { bufferCount += 1 }
        }
        groups.append(
            Group(
                lanes: first.lanes.lowerBound - firstLane..<last.lanes.upperBound - firstLane,
                subtrees: start..<subtrees.count))
    }

    /// Buffers that suffice whichever lane is isolated: what was one subtree becomes the lane and one more for each step
    /// from there to the subtree's root.
    var mostBufferCount: Int {
        let largest = subtrees.map(\.lanes.count).max() ?? 1
        return bufferCount + (Int.bitWidth - (largest - 1).leadingZeroBitCount)
    }

    /// Cuts adjacent subtrees into groups of at most `limit` lanes.
    private static func groups(_ nodes: [LaneTree.Node], _ limit: Int) -> [[LaneTree.Node]] {
        var groups: [[LaneTree.Node]] = []
        var lanes = 0
        func add(_ node: LaneTree.Node) {
            if node.lanes.count > limit, let children = node.children {
                add(children.left)
                add(children.right)
            } else if !groups.isEmpty, lanes + node.lanes.count <= limit {
                groups[groups.count - 1].append(node)
                lanes += node.lanes.count
            } else {
                groups.append([node])
                lanes = node.lanes.count
            }
        }
        nodes.forEach(add)
        return groups
    }
}
