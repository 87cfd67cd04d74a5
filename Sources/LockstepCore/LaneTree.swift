/// The canonical tree over the lanes of a job: the one order in which anything is summed over lanes.
///
/// A node covers adjacent lanes. A node of more than one lane splits at the largest power of two below its
/// count, so the shape of a subtree follows from its count alone and any worker can compute any complete subtree.
public struct LaneTree: Sendable, Hashable {
    /// A complete subtree: all lanes of `lanes`, summed in tree order.
    public struct Node: Sendable, Hashable {
        public let lanes: Range<Int>

        public init(_ lanes: Range<Int>) { self.lanes = lanes }

        /// Left and right subtree, or nil for a single lane.
        public var children: (left: Node, right: Node)? {
            guard lanes.count > 1 else { return nil }
            let middle = lanes.lowerBound + LaneTree.split(lanes.count)
            return (Node(lanes.lowerBound..<middle), Node(middle..<lanes.upperBound))
        }
    }

    /// One addition `value[into] += value[from]` of a reduction.
    public struct Addition: Sendable, Hashable {
        public let into: Int
        public let from: Int
    }

    public let laneCount: Int

    /// - Parameter laneCount: the job's number of lanes, at least 1.
    public init(laneCount: Int) {
        precondition(laneCount > 0, "a job has at least one lane")
        self.laneCount = laneCount
    }

    public var root: Node { Node(0..<laneCount) }

    /// The largest power of two below `count`, for counts above one.
    static func split(_ count: Int) -> Int {
        var half = 1
        while half * 2 < count { half *= 2 }
        return half
    }

    /// The maximal complete subtrees inside `lanes`, in lane order: the roots of a worker that owns these lanes.
    public func roots(in lanes: Range<Int>) -> [Node] {
        var found: [Node] = []
        func visit(_ node: Node) {
            guard node.lanes.overlaps(lanes) else { return }
            if lanes.lowerBound <= node.lanes.lowerBound, node.lanes.upperBound <= lanes.upperBound {
                found.append(node)
            } else if let children = node.children {
                visit(children.left)
                visit(children.right)
            }
        }
        visit(root)
        return found
    }

    /// The additions, in order, that turn the values of `nodes` into the value of `target` at index 0.
    ///
    /// - Parameter nodes: subtrees that partition the lanes of `target`, in lane order.
    /// - Returns: nil where `nodes` do not partition `target` into subtrees of this tree.
    public func additions(of nodes: [Node], to target: Node) -> [Addition]? {
        var additions: [Addition] = []
        var next = 0
        func visit(_ node: Node) -> Int? {
            guard next < nodes.count else { return nil }
            if nodes[next] == node {
                next += 1
                return next - 1
            }
            guard let children = node.children, let left = visit(children.left), let right = visit(children.right)
            else { return nil }
            additions.append(Addition(into: left, from: right))
            return left
        }
        guard visit(target) == 0, next == nodes.count else { return nil }
        return additions
    }
}

/// Which positions of a batch a lane holds.
public enum LanePositions {
    /// Lane L of V holds positions ⌊L·b/V⌋ ..< ⌊(L+1)·b/V⌋ of a batch of b samples.
    public static func range(lane: Int, of laneCount: Int, batch: Int) -> Range<Int> {
        (lane * batch / laneCount)..<((lane + 1) * batch / laneCount)
    }
}
