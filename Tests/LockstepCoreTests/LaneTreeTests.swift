import LockstepCore
import Testing

@Suite struct LaneTreeTests {
    /// The definition, word for word: split at the largest power of two below the count.
    private func reference(_ values: [String]) -> String {
        guard values.count > 1 else { return values[0] }
        var half = 1
        while half * 2 < values.count { half *= 2 }
        return "(" + reference(Array(values[..<half])) + "+" + reference(Array(values[half...])) + ")"
    }

    private func evaluate(_ tree: LaneTree, split lanes: [Range<Int>], reversed: Bool = false) -> String? {
        let nodes = lanes.flatMap { tree.roots(in: $0) }
        var values = nodes.map { reference($0.lanes.map(String.init)) }
        guard var additions = tree.additions(of: nodes, to: tree.root) else { return nil }
        if reversed { additions.reverse() }
        for addition in additions { values[addition.into] = "(\(values[addition.into])+\(values[addition.from]))" }
        return values[0]
    }

    @Test func everySplitGivesTheSameExpression() {
        for laneCount in 1...17 {
            let tree = LaneTree(laneCount: laneCount)
            let expected = reference((0..<laneCount).map(String.init))
            for first in 0...laneCount {
                for second in first...laneCount {
                    let split = [0..<first, first..<second, second..<laneCount].filter { !$0.isEmpty }
                    #expect(evaluate(tree, split: split) == expected, "\(laneCount) lanes, \(split)")
                }
            }
        }
    }

    @Test func anotherOrderOfAdditionsIsSeen() {
        let tree = LaneTree(laneCount: 7)
        let expected = reference((0..<7).map(String.init))
        #expect(evaluate(tree, split: [0..<3, 3..<7], reversed: true) != expected)
    }

    @Test func rootsAreMaximal() {
        let tree = LaneTree(laneCount: 8)
        #expect(tree.roots(in: 0..<8).map(\.lanes) == [0..<8])
        #expect(tree.roots(in: 1..<8).map(\.lanes) == [1..<2, 2..<4, 4..<8])
        #expect(tree.roots(in: 3..<6).map(\.lanes) == [3..<4, 4..<6])
    }

    @Test func nodesThatAreNoPartitionAreRefused() {
        let tree = LaneTree(laneCount: 8)
        #expect(tree.additions(of: [LaneTree.Node(0..<4)], to: tree.root) == nil)
        #expect(tree.additions(of: [LaneTree.Node(0..<3), LaneTree.Node(3..<8)], to: tree.root) == nil)
    }

    @Test func lanesPartitionABatch() {
        for batch in [0, 1, 5, 8, 13, 128] {
            let ranges = (0..<7).map { LanePositions.range(lane: $0, of: 7, batch: batch) }
            #expect(ranges.flatMap(Array.init) == Array(0..<batch))
        }
    }
}
