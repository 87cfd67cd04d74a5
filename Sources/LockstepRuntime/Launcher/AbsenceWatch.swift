/// Whether a process that lives has had no connection for so long that it must hang, and another is to take its name. It
/// decides only; times are nanoseconds of one clock.
struct AbsenceWatch: Sendable {
    /// Between two looks.
    static let interval: UInt64 = 1_000_000_000

    let limit: UInt64
    private var absence: UInt64 = 0
    private var lastLook: UInt64

    init(limit: UInt64, startedAt: UInt64) {
        self.limit = limit
        lastLook = startedAt
    }

    /// - Returns: whether it is to be ended.
    mutating func look(isConnected: Bool, at now: UInt64) -> Bool {
        // While whoever looks was stopped itself, nobody could connect.
        let time = min(now - min(now, lastLook), 2 * AbsenceWatch.interval)
        lastLook = now
        absence = isConnected ? 0 : absence + time
        return absence >= limit
    }
}
