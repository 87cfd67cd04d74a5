internal import LockstepCore

/// When the process of a worker that has ended is started again, and when its name is given up. It decides only; times
/// are nanoseconds of one clock.
struct RestartPolicy: Sendable, Equatable {
    enum Decision: Sendable, Equatable {
        case startAgain(after: UInt64)
        /// It ended as it was told to.
        case leave
        /// It would only end again.
        case giveUp(reason: String)
    }

    static let firstPause: UInt64 = 250_000_000
    static let longestPause: UInt64 = 30_000_000_000
    /// A process that lived for so long is no sign of what comes: pauses begin anew.
    static let provenLife: UInt64 = 60_000_000_000
    /// So many processes that end before they are prepared, one after the other, are enough.
    static let mostUnprepared = 3
    /// So many ends within `window` are enough.
    static let mostEnds = 5
    static let window: UInt64 = 60_000_000_000

    private var pause = RestartPolicy.firstPause
    private var unprepared = 0
    /// Ends within the window, oldest first.
    private var ends: [UInt64] = []

    /// A process has ended.
    ///
    /// - Parameter isPrepared: whether it was ready for work before.
    mutating func ended(_ end: ProcessEnd, isPrepared: Bool, startedAt: UInt64, at now: UInt64) -> Decision {
        if end == .exited(ExitCode.success.rawValue) || end == .exited(ExitCode.temporary.rawValue) { return .leave }
        unprepared = isPrepared ? 0 : unprepared + 1
        ends.removeAll { now - $0 >= RestartPolicy.window }
        ends.append(now)
        if unprepared >= RestartPolicy.mostUnprepared {
            return .giveUp(
                reason: "it ended \(unprepared) times in a row before it was prepared, at last with \(end)")
        }
        if ends.count >= RestartPolicy.mostEnds {
            return .giveUp(reason: "it ended \(ends.count) times within a minute, at last with \(end)")
        }
        if now - startedAt >= RestartPolicy.provenLife { pause = RestartPolicy.firstPause }
        defer { pause = min(2 * pause, RestartPolicy.longestPause) }
        return .startAgain(after: pause)
    }
}
