import LockstepCore
import Testing

@testable import LockstepEngine

@Suite("Lane schedule") struct LaneScheduleTests {
    @Test("every lane is computed once, and the additions rebuild each root")
    func coversEveryLane() {
        for laneCount in 1...9 {
            let tree = LaneTree(laneCount: laneCount)
            for lower in 0..<laneCount {
                for upper in lower + 1...laneCount {
                    for threads in 1...4 {
                        for limit in [1, 2, 3, Int.max] {
                            check(
                                LaneSchedule(lanes: lower..<upper, tree: tree, threads: threads, lanesPerGroup: limit),
                                tree, lower..<upper, threads, limit)
                        }
                    }
                }
            }
        }
    }

    @Test("an isolated lane is a group of its own, which takes no more memory than was foreseen")
    func isolatesALane() {
        for laneCount in [1, 2, 5, 8, 13] {
            let tree = LaneTree(laneCount: laneCount)
            for lower in 0..<laneCount {
                for upper in lower + 1...laneCount {
                    for (threads, limit) in [(1, Int.max), (1, 3), (2, Int.max), (3, 2), (4, 1)] {
                        let together = LaneSchedule(
                            lanes: lower..<upper, tree: tree, threads: threads, lanesPerGroup: limit)
                        for lane in lower..<upper {
                            check(together, isolating: lane, tree, lower..<upper, threads, limit)
                        }
                    }
                }
            }
        }
    }

    private func check(
        _ together: LaneSchedule, isolating lane: Int, _ tree: LaneTree, _ lanes: Range<Int>, _ threads: Int,
        _ limit: Int
    ) {
        let schedule = LaneSchedule(
            lanes: lanes, tree: tree, threads: threads, lanesPerGroup: limit, isolated: lane)
        check(schedule, tree, lanes, threads, limit)
        let group = schedule.isolatedGroup.map { schedule.groups[$0] }
        #expect(group?.lanes == lane - lanes.lowerBound..<lane - lanes.lowerBound + 1)
        #expect(schedule.bufferCount <= together.mostBufferCount)
        for (own, before) in zip(schedule.threads, together.threads) {
            let most = before.map { together.groups[$0].lanes.count }.max() ?? 0
            #expect(own.allSatisfy { schedule.groups[$0].lanes.count <= most })
        }
    }

    private func check(_ schedule: LaneSchedule, _ tree: LaneTree, _ lanes: Range<Int>, _ threads: Int, _ limit: Int) {
        #expect(schedule.threads.count == min(threads, lanes.count))
        #expect(schedule.groups.flatMap { Array($0.lanes) } == Array(0..<lanes.count))
        #expect(schedule.groups.allSatisfy { $0.lanes.count <= limit })
        #expect(schedule.subtrees.flatMap { Array($0.lanes) } == Array(0..<lanes.count))
        // Texts instead of sums show the order.
        var sums = schedule.subtrees.map { text(of: $0.lanes, from: lanes.lowerBound) }
        for addition in schedule.additions { sums[addition.into] = "(\(sums[addition.into])+\(sums[addition.from]))" }
        let destinations = schedule.subtrees.indices.filter { schedule.subtrees[$0].buffer < 0 }
        #expect(destinations.map { schedule.subtrees[$0].root } == Array(schedule.roots.indices))
        for index in destinations {
            let root = schedule.roots[schedule.subtrees[index].root].lanes
            #expect(sums[index] == text(of: root, from: 0))
        }
    }

    /// The sum of a complete subtree, which has the same shape wherever it stands.
    private func text(of lanes: Range<Int>, from first: Int) -> String {
        guard let children = LaneTree.Node(lanes).children else { return "\(lanes.lowerBound + first)" }
        return "(\(text(of: children.left.lanes, from: first))+\(text(of: children.right.lanes, from: first)))"
    }
}
