/// What a lane takes a worker: the median of its last steps, so that a hiccup counts for nothing.
package struct LaneClock: Sendable, Equatable {
    /// Steps that count.
    package static let window = 15

    /// Seconds a lane, of the last steps; in a ring.
    private var times: [Double] = []
    private var next = 0

    package init() {}

    /// - Parameters:
    ///   - computeSeconds: of all own lanes in one step; nothing counts that is not above 0.
    ///   - lanes: at least 1.
    package mutating func add(_ computeSeconds: Double, lanes: Int) {
        guard computeSeconds > 0, computeSeconds.isFinite, lanes > 0 else { return }
        let seconds = computeSeconds / Double(lanes)
        if times.count < LaneClock.window {
            times.append(seconds)
        } else {
            times[next] = seconds
        }
        next = (next + 1) % LaneClock.window
    }

    /// The lower median; 0 where nothing was measured.
    package var secondsPerLane: Double {
        times.isEmpty ? 0 : times.sorted()[(times.count - 1) / 2]
    }
}
