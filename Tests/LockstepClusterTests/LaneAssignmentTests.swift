import LockstepCluster
import LockstepCore
import Testing

@Suite struct LaneAssignmentTests {
    private func rootCount(_ ranges: [Range<Int>], _ laneCount: Int) -> Int {
        let tree = LaneTree(laneCount: laneCount)
        return ranges.reduce(0) { $0 + tree.roots(in: $1).count }
    }

    /// The least roots over all ways to cut with the least greatest count.
    private func best(_ laneCount: Int, _ workers: Int) -> (greatest: Int, roots: Int)? {
        var best: (greatest: Int, roots: Int)?
        func visit(_ ranges: [Range<Int>]) {
            let start = ranges.last?.upperBound ?? 0
            if ranges.count == workers - 1 {
                guard start < laneCount else { return }
                let all = ranges + [start..<laneCount]
                let candidate = (greatest: all.map(\.count).max() ?? 0, roots: rootCount(all, laneCount))
                if let known = best, known <= candidate { return }
                best = candidate
                return
            }
            guard start + 1 < laneCount else { return }
            for end in (start + 1)..<laneCount { visit(ranges + [start..<end]) }
        }
        visit([])
        return best
    }

    @Test func itIsAsGoodAsAnySearch() throws {
        for laneCount in 1...10 {
            for workers in 1...laneCount {
                let ranges = try #require(LaneAssignment.ranges(laneCount: laneCount, workers: workers))
                #expect(ranges.first?.lowerBound == 0 && ranges.last?.upperBound == laneCount)
                #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
                #expect(ranges.count == workers && ranges.allSatisfy { !$0.isEmpty })
                let expected = try #require(best(laneCount, workers))
                #expect(ranges.map(\.count).max() == expected.greatest, "\(laneCount) lanes, \(workers) workers")
                #expect(rootCount(ranges, laneCount) == expected.roots, "\(laneCount) lanes, \(workers) workers")
            }
        }
    }

    @Test func knownCases() {
        #expect(LaneAssignment.ranges(laneCount: 8, workers: 2) == [0..<4, 4..<8])
        #expect(LaneAssignment.ranges(laneCount: 8, workers: 8)?.count == 8)
        #expect(LaneAssignment.ranges(laneCount: 8, workers: 0) == nil)
        #expect(LaneAssignment.ranges(laneCount: 8, workers: 9) == nil)
        #expect(LaneAssignment.ranges(laneCount: 1000, workers: 37)?.map(\.count).max() == 28)
    }
}
