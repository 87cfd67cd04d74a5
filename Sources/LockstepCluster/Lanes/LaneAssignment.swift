internal import LockstepCore

/// Which lanes each worker owns.
package enum LaneAssignment {
    /// Contiguous ranges, in worker order, for workers that are equally fast: they minimise the greatest lane count and then
    /// the number of roots.
    ///
    /// Among equals the one with more lanes for the first workers is taken, so the result is the same everywhere.
    ///
    /// - Returns: nil where there are no workers or more workers than lanes.
    package static func ranges(laneCount: Int, workers: Int) -> [Range<Int>]? {
        ranges(laneCount: laneCount, secondsPerLane: Array(repeating: 1, count: max(0, workers)), secondsPerRoot: 0)
    }

    /// Contiguous ranges, in worker order, that minimise the predicted step and then the number of roots. A step is
    /// predicted to take what its slowest worker takes for its lanes and its roots.
    ///
    /// Among equals the one with more lanes for the first workers is taken.
    ///
    /// - Parameters:
    ///   - secondsPerLane: of each worker, above 0.
    ///   - secondsPerRoot: what each root of a worker adds, at least 0. In a search of more than 2²⁴ steps it does not count.
    /// - Returns: nil where there are no workers, more workers than lanes, or times that are none.
    package static func ranges(
        laneCount: Int, secondsPerLane: [Double], secondsPerRoot: Double
    ) -> [Range<Int>]? {
        let workers = secondsPerLane.count
        guard workers >= 1, workers <= laneCount, secondsPerLane.allSatisfy({ $0 > 0 && $0.isFinite }),
            secondsPerRoot >= 0, secondsPerRoot.isFinite
        else { return nil }
        let isLong = Double(workers) * Double(laneCount) * Double(laneCount) > 0x1p24
        let search = LaneSearch(
            laneCount: laneCount, secondsPerLane: secondsPerLane, secondsPerRoot: isLong ? 0 : secondsPerRoot)
        return search.ranges(within: search.leastTime(within: search.proportionalTime))
    }

    /// What a step is predicted to take.
    ///
    /// - Parameter ranges: of workers as many as there are times.
    static func stepSeconds(
        _ ranges: [Range<Int>], laneCount: Int, secondsPerLane: [Double], secondsPerRoot: Double
    ) -> Double {
        LaneSearch(laneCount: laneCount, secondsPerLane: secondsPerLane, secondsPerRoot: secondsPerRoot).time(ranges)
    }
}

/// The search itself: from the last worker back, over all places where a worker's lanes can begin.
private struct LaneSearch {
    let tree: LaneTree
    let secondsPerLane: [Double]
    let secondsPerRoot: Double

    private var workers: Int { secondsPerLane.count }
    private var laneCount: Int { tree.laneCount }

    init(laneCount: Int, secondsPerLane: [Double], secondsPerRoot: Double) {
        tree = LaneTree(laneCount: laneCount)
        self.secondsPerLane = secondsPerLane
        self.secondsPerRoot = secondsPerRoot
    }

    private func time(_ worker: Int, lanes: Int, roots: Int) -> Double {
        let compute = Double(lanes) * secondsPerLane[worker]
        let exchange = Double(roots) * secondsPerRoot
        return compute + exchange
    }

    /// What the step takes when each next lane goes to the worker that is done with it first. No more than that is needed.
    var proportionalTime: Double {
        var counts = Array(repeating: 1, count: workers)
        for _ in 0..<(laneCount - workers) {
            var first = 0
            var least = Double.infinity
            for worker in 0..<workers {
                let done = time(worker, lanes: counts[worker] + 1, roots: 0)
                if done < least { (first, least) = (worker, done) }
            }
            counts[first] += 1
        }
        var start = 0
        return time(
            counts.map { count in
                defer { start += count }
                return start..<start + count
            })
    }

    /// What the slowest worker takes.
    func time(_ ranges: [Range<Int>]) -> Double {
        zip(secondsPerLane.indices, ranges).reduce(0) { slowest, part in
            max(slowest, time(part.0, lanes: part.1.count, roots: tree.rootCount(in: part.1)))
        }
    }

    /// The least time in which a step can be done.
    ///
    /// - Parameter limit: a time in which it can be done.
    func leastTime(within limit: Double) -> Double {
        var least: [Double?] = Array(repeating: nil, count: laneCount + 1)
        least[laneCount] = 0
        search(within: limit) { starts, most, worker in
            var improved: [Double?] = Array(repeating: nil, count: laneCount + 1)
            for start in starts {
                var best = Double.infinity
                for count in stride(from: 1, through: min(most, laneCount - start), by: 1) {
                    guard let rest = least[start + count] else { continue }
                    let own = time(worker, lanes: count, roots: tree.rootCount(in: start..<start + count))
                    best = min(best, max(own, rest))
                }
                if best <= limit { improved[start] = best }
            }
            least = improved
        }
        return least[0] ?? limit
    }

    /// The ranges with the fewest roots that keep within `limit`; nil where there are none.
    func ranges(within limit: Double) -> [Range<Int>]? {
        // For each start: the fewest roots from there to the end. For each worker: how many lanes it takes there.
        var fewest: [Int?] = Array(repeating: nil, count: laneCount + 1)
        fewest[laneCount] = 0
        var choices: [[Int?]] = Array(repeating: [], count: workers)
        search(within: limit) { starts, most, worker in
            var improved: [Int?] = Array(repeating: nil, count: laneCount + 1)
            var counts = improved
            for start in starts {
                for count in stride(from: min(most, laneCount - start), through: 1, by: -1) {
                    guard let rest = fewest[start + count] else { continue }
                    let own = tree.rootCount(in: start..<start + count)
                    guard time(worker, lanes: count, roots: own) <= limit else { continue }
                    if let known = improved[start], known <= own + rest { continue }
                    (improved[start], counts[start]) = (own + rest, count)
                }
            }
            fewest = improved
            choices[worker] = counts
        }
        var ranges: [Range<Int>] = []
        var start = 0
        for worker in 0..<workers {
            guard let count = choices[worker][start] else { return nil }
            ranges.append(start..<start + count)
            start += count
        }
        return ranges
    }

    /// Calls `step` for each worker from the last one back.
    ///
    /// - Parameter step: gets the starts from which the others can do their parts within the limit, as far as their lanes
    ///   alone tell, the most lanes of this worker, and which it is.
    private func search(within limit: Double, _ step: (ClosedRange<Int>, Int, Int) -> Void) {
        let most = secondsPerLane.indices.map { worker in
            var lanes = 1
            while lanes < laneCount, time(worker, lanes: lanes + 1, roots: 1) <= limit { lanes += 1 }
            return lanes
        }
        var (ahead, behind) = (most.reduce(0, +), 0)
        for worker in secondsPerLane.indices.reversed() {
            ahead -= most[worker]
            behind += most[worker]
            let lowest = max(worker, laneCount - behind)
            let highest = min(ahead, laneCount - (workers - worker))
            guard lowest <= highest else { continue }
            step(lowest...highest, most[worker], worker)
        }
    }
}

extension LaneTree {
    /// How many roots a worker of these lanes has.
    fileprivate func rootCount(in lanes: Range<Int>) -> Int { LaneTree.rootCount(of: root, in: lanes) }

    private static func rootCount(of node: Node, in lanes: Range<Int>) -> Int {
        guard node.lanes.overlaps(lanes) else { return 0 }
        if lanes.lowerBound <= node.lanes.lowerBound, node.lanes.upperBound <= lanes.upperBound { return 1 }
        guard let children = node.children else { return 0 }
        return rootCount(of: children.left, in: lanes) + rootCount(of: children.right, in: lanes)
    }
}
