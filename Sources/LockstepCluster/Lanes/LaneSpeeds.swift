/// How fast each worker computes a lane, as far as its reports tell: what lanes are assigned by.
///
/// What workers measure is noisy, and what a step costs beside its lanes makes those with few lanes look slow. So
/// measurements are smoothed, workers that differ by little count as equal, and lanes follow speeds only where that gains
/// enough.
package struct LaneSpeeds: Sendable, Equatable {
    /// Workers whose times differ by less than this factor count as equally fast.
    package static let leastRatio = 1.15
    /// What a step must take longer with equal lanes.
    package static let leastGain = 1.1
    /// What a new measurement weighs against those before it.
    private static let weight = 0.25

    private var seconds: [String: Double] = [:]

    package init() {}

    /// - Parameter secondsPerLane: as a worker measured it; nothing counts that is not above 0.
    package mutating func note(_ name: String, secondsPerLane: Double) {
        guard secondsPerLane > 0, secondsPerLane.isFinite else { return }
        let known = seconds[name] ?? secondsPerLane
        seconds[name] = known + LaneSpeeds.weight * (secondsPerLane - known)
    }

    /// Another process comes under that name: nothing is known of it.
    package mutating func forget(_ name: String) { seconds[name] = nil }

    /// What a lane takes each of `names`, in that order. Who has not been measured counts as the lower median of the others
    /// among them; where nobody has, all count as 1.
    ///
    /// Times are first ordered; each that is below `leastRatio` times the least of its class belongs to that class, and
    /// a class counts as its lower median.
    package func secondsPerLane(of names: [String]) -> [Double] {
        let known = names.compactMap { seconds[$0] }.sorted()
        guard !known.isEmpty else { return names.map { _ in 1 } }
        let unknown = known[(known.count - 1) / 2]
        let sorted = names.map { seconds[$0] ?? unknown }.sorted()
        var classes: [(least: Double, median: Double)] = []
        var start = 0
        for index in sorted.indices where index + 1 == sorted.count || sorted[index + 1] >= limit(sorted[start]) {
            classes.append((sorted[start], sorted[(start + index) / 2]))
            start = index + 1
        }
        return names.map { name in
            let time = seconds[name] ?? unknown
            return classes.last { $0.least <= time }?.median ?? time
        }
    }

    private func limit(_ least: Double) -> Double { LaneSpeeds.leastRatio * least }

    /// The lanes of `members`, in that order.
    ///
    /// - Parameter secondsPerRoot: what each root of a worker adds to its step; 0 where that is not known.
    /// - Returns: nil where there are no members or more members than lanes.
    package func ranges(laneCount: Int, members: [String], secondsPerRoot: Double = 0) -> [Range<Int>]? {
        let seconds = secondsPerLane(of: members)
        guard let equal = LaneAssignment.ranges(laneCount: laneCount, workers: members.count),
            let bySpeed = LaneAssignment.ranges(
                laneCount: laneCount, secondsPerLane: seconds, secondsPerRoot: secondsPerRoot)
        else { return nil }
        func time(_ ranges: [Range<Int>]) -> Double {
            LaneAssignment.stepSeconds(
                ranges, laneCount: laneCount, secondsPerLane: seconds, secondsPerRoot: secondsPerRoot)
        }
        return time(equal) < LaneSpeeds.leastGain * time(bySpeed) ? equal : bySpeed
    }
}
