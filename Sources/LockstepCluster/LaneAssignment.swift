internal import LockstepCore

/// Which lanes each worker owns.
package enum LaneAssignment {
    /// Contiguous ranges, in worker order, that minimise the greatest lane count and then the number of roots.
    ///
    /// Among equals the one with more lanes for the first workers is taken, so the result is the same everywhere.
    ///
    /// - Returns: nil where there are no workers or more workers than lanes.
    package static func ranges(laneCount: Int, workers: Int) -> [Range<Int>]? {
        guard workers >= 1, workers <= laneCount else { return nil }
        let tree = LaneTree(laneCount: laneCount)
        let greatest = (laneCount + workers - 1) / workers
        // best[start]: for the workers considered so far, counted from the last one back, the fewest roots over
        // start..<laneCount, and how many lanes the first of them takes.
        var best: [(roots: Int, count: Int)?] = Array(repeating: nil, count: laneCount + 1)
        best[laneCount] = (0, 0)
        var choices: [[Int?]] = []
        for behind in 0..<workers {
            let ahead = workers - 1 - behind
            var improved: [(roots: Int, count: Int)?] = Array(repeating: nil, count: laneCount + 1)
            // The workers ahead take `ahead` to `ahead * greatest` lanes, this one and those behind likewise.
            let lowest = max(ahead, laneCount - (behind + 1) * greatest)
            let highest = min(ahead * greatest, laneCount - (behind + 1))
            for start in lowest...highest {
                for count in stride(from: min(greatest, laneCount - start), through: 1, by: -1) {
                    guard let rest = best[start + count] else { continue }
                    let roots = tree.roots(in: start..<(start + count)).count + rest.roots
                    if let known = improved[start], known.roots <= roots { continue }
                    improved[start] = (roots, count)
                }
            }
            best = improved
            choices.append(improved.map { $0?.count })
        }
        var ranges: [Range<Int>] = []
        var start = 0
        for worker in 0..<workers {
            guard let count = choices[workers - 1 - worker][start] else { return nil }
            ranges.append(start..<(start + count))
            start += count
        }
        return ranges
    }
}
