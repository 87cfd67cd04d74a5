import LockstepCluster
import LockstepCore
import LockstepTestSupport
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

    // MARK: By speed

    /// What a step takes with these ranges.
    private func time(_ ranges: [Range<Int>], _ laneCount: Int, _ seconds: [Double], _ perRoot: Double) -> Double {
        let tree = LaneTree(laneCount: laneCount)
        return zip(ranges, seconds).map { range, second in
            Double(range.count) * second + Double(tree.roots(in: range).count) * perRoot
        }.max() ?? 0
    }

    /// The best of all ways to cut: least time, then fewest roots, then most lanes for the first workers.
    private func best(_ laneCount: Int, _ seconds: [Double], _ perRoot: Double) -> [Range<Int>]? {
        var best: (time: Double, roots: Int, ranges: [Range<Int>])?
        func visit(_ ranges: [Range<Int>]) {
            let start = ranges.last?.upperBound ?? 0
            if ranges.count == seconds.count - 1 {
                guard start < laneCount else { return }
                let all = ranges + [start..<laneCount]
                let (time, roots) = (time(all, laneCount, seconds, perRoot), rootCount(all, laneCount))
                // Ranges come with fewer lanes for the first workers before those with more.
                if let known = best, (known.time, known.roots) < (time, roots) { return }
                best = (time, roots, all)
                return
            }
            guard start + 1 < laneCount else { return }
            for end in (start + 1)..<laneCount { visit(ranges + [start..<end]) }
        }
        visit([])
        return best?.ranges
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func bySpeedItIsAsGoodAsAnySearch(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<60 {
            let laneCount = Int.random(in: 1...12, using: &random)
            let workers = Int.random(in: 1...min(laneCount, 5), using: &random)
            // Small whole numbers, so that ties are frequent and sums exact.
            let seconds = (0..<workers).map { _ in Double(Int.random(in: 1...6, using: &random)) }
            let perRoot = Double([0, 0, 1, 2, 5, 40].randomElement(using: &random) ?? 0)
            let ranges = LaneAssignment.ranges(
                laneCount: laneCount, secondsPerLane: seconds, secondsPerRoot: perRoot)
            #expect(
                ranges == best(laneCount, seconds, perRoot),
                "seed \(seed): \(laneCount) lanes, \(seconds) s a lane, \(perRoot) s a root")
        }
    }

    @Test func equalSpeedsAreTheSameAsNone() {
        for laneCount in 1...24 {
            for workers in 1...laneCount {
                for seconds in [1, 0.1, 3e-5] {
                    #expect(
                        LaneAssignment.ranges(
                            laneCount: laneCount, secondsPerLane: Array(repeating: seconds, count: workers),
                            secondsPerRoot: 0) == LaneAssignment.ranges(laneCount: laneCount, workers: workers))
                }
            }
        }
    }

    @Test func knownCasesBySpeed() {
        func ranges(_ seconds: [Double], _ perRoot: Double = 0, of laneCount: Int = 8) -> [Range<Int>]? {
            LaneAssignment.ranges(laneCount: laneCount, secondsPerLane: seconds, secondsPerRoot: perRoot)
        }
        #expect(ranges([1, 3]) == [0..<6, 6..<8])
        #expect(ranges([3, 1]) == [0..<2, 2..<8])
        // Nobody goes without a lane; who waits for the slow one anyway may do what makes the fewest roots.
        #expect(ranges([1, 1000, 1]) == [0..<6, 6..<7, 7..<8])
        // Five lanes would be two roots.
        #expect(ranges([1, 1.6]) == [0..<5, 5..<8])
        #expect(ranges([1, 1.6], 3) == [0..<4, 4..<8])
        #expect(ranges([1, 0]) == nil && ranges([1, .nan]) == nil && ranges([.infinity]) == nil)
        #expect(ranges([1, 1], -1) == nil && ranges([1, 1], .nan) == nil)
        #expect(ranges([]) == nil && ranges(Array(repeating: 1, count: 9)) == nil)
        // A long search leaves the roots' time out.
        let many = ranges([1, 2, 3, 4], 1e9, of: 4096)
        #expect(many?.map(\.count) == [1967, 983, 655, 491])
    }
}

@Suite struct LaneSpeedsTests {
    private func speeds(_ seconds: [String: Double]) -> LaneSpeeds {
        var speeds = LaneSpeeds()
        for (name, second) in seconds { speeds.note(name, secondsPerLane: second) }
        return speeds
    }

    @Test func whatDiffersLittleIsEqual() {
        let close = speeds(["a": 1, "b": 1.1, "c": 1.14])
        #expect(Set(close.secondsPerLane(of: ["a", "b", "c"])).count == 1)
        #expect(
            close.ranges(laneCount: 8, members: ["a", "b", "c"]) == LaneAssignment.ranges(laneCount: 8, workers: 3))
        let apart = speeds(["a": 1, "b": 1.15])
        #expect(apart.secondsPerLane(of: ["a", "b"]) == [1, 1.15])
        // A chain of small differences is no equality of its ends.
        let chain = speeds(["a": 1, "b": 1.1, "c": 1.2, "d": 1.3])
        #expect(chain.secondsPerLane(of: ["d", "c", "b", "a"]) == [1.2, 1.2, 1, 1])
    }

    /// What a step costs beside its lanes makes who has few look slow: that must not take still more from it.
    @Test func lanesFollowSpeedsOnlyWhereThatGains() {
        let few = speeds(["a": 1 / 3.0, "b": 1 / 4.0])
        #expect(
            few.ranges(laneCount: 7, members: ["a", "new", "b"]) == LaneAssignment.ranges(laneCount: 7, workers: 3))
        // Four and four take 4.8, five and three 5.
        #expect(speeds(["a": 1, "b": 1.2]).ranges(laneCount: 8, members: ["a", "b"]) == [0..<4, 4..<8])
        // 60 against 55, and 65 against 57.
        #expect(speeds(["a": 1, "b": 1.2]).ranges(laneCount: 100, members: ["a", "b"])?.first?.count == 50)
        #expect(speeds(["a": 1, "b": 1.3]).ranges(laneCount: 100, members: ["a", "b"])?.first?.count == 57)
        #expect(speeds(["a": 1, "b": 2]).ranges(laneCount: 8, members: ["a", "b"]) == [0..<6, 6..<8])
        // Two roots less are worth a lane more.
        #expect(
            speeds(["a": 1, "b": 1]).ranges(laneCount: 6, members: ["a", "b"], secondsPerRoot: 3) == [0..<4, 4..<6])
    }

    @Test func whoIsNotMeasuredCountsAsTheMiddle() {
        let some = speeds(["a": 1, "b": 2, "c": 4])
        #expect(some.secondsPerLane(of: ["new", "c", "b", "a"]) == [2, 4, 2, 1])
        // Of those that take part.
        #expect(some.secondsPerLane(of: ["new", "c"]) == [4, 4])
        #expect(LaneSpeeds().secondsPerLane(of: ["a", "b"]) == [1, 1])
        #expect(LaneSpeeds().secondsPerLane(of: []) == [])
        #expect(LaneSpeeds().ranges(laneCount: 8, members: ["a", "b"]) == [0..<4, 4..<8])
        #expect(LaneSpeeds().ranges(laneCount: 1, members: ["a", "b"]) == nil)
    }

    @Test func measurementsAreSmoothed() {
        var speeds = speeds(["a": 1, "b": 1])
        speeds.note("a", secondsPerLane: 1.4)
        #expect(speeds.ranges(laneCount: 8, members: ["a", "b"]) == [0..<4, 4..<8])
        for _ in 0..<30 { speeds.note("a", secondsPerLane: 3) }
        #expect(speeds.ranges(laneCount: 8, members: ["a", "b"]) == [0..<2, 2..<8])
        for nothing in [0, -1, .nan, .infinity] { speeds.note("a", secondsPerLane: nothing) }
        #expect(speeds.ranges(laneCount: 8, members: ["a", "b"]) == [0..<2, 2..<8])
        speeds.forget("a")
        #expect(speeds.ranges(laneCount: 8, members: ["a", "b"]) == [0..<4, 4..<8])
    }

    @Test func theClockTakesTheMedian() {
        var clock = LaneClock()
        #expect(clock.secondsPerLane == 0)
        clock.add(4, lanes: 2)
        #expect(clock.secondsPerLane == 2)
        for _ in 0..<LaneClock.window { clock.add(3, lanes: 3) }
        #expect(clock.secondsPerLane == 1)
        for _ in 0..<LaneClock.window / 2 { clock.add(900, lanes: 3) }
        for nothing in [0, -1, .nan, .infinity] { clock.add(nothing, lanes: 1) }
        clock.add(1, lanes: 0)
        #expect(clock.secondsPerLane == 1)
        clock.add(900, lanes: 3)
        #expect(clock.secondsPerLane == 300)
    }
}
