/// When the parts of a turn began and ended, in nanoseconds of the monotonic clock.
struct TurnTimes {
    var loadStart: UInt64 = 0
    var loadEnd: UInt64 = 0
    var forwardEnd: UInt64 = 0
    var backwardEnd: UInt64 = 0

    /// Forward and backward.
    var computeSeconds: Double { backwardEnd > loadEnd ? Double(backwardEnd - loadEnd) / 1e9 : 0 }
}
