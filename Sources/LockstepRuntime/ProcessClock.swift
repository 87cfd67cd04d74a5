internal import LockstepEngine

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Clocks of this process. Time never reaches the state: it serves deadlines, reports and log lines.
enum ProcessClock {
    /// Nanoseconds of the monotonic clock.
    static var now: UInt64 { MonotonicClock.nanoseconds() }

    /// The monotonic clock in seconds.
    static var seconds: Double { Double(now) / 1e9 }

    /// Processor time that this process has used, in seconds; 0 where the system does not say.
    static var processorSeconds: Double {
        var usage = rusage()
        #if canImport(Glibc)
        let whose = __rusage_who_t(RUSAGE_SELF.rawValue)
        #else
        let whose = RUSAGE_SELF
        #endif
        guard getrusage(whose, &usage) == 0 else { return 0 }
        return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
    }

    /// Nanoseconds since 1970.
    static var wall: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// `2026-11-21T08:15:30.125Z`.
    static func timestamp(_ wall: UInt64 = ProcessClock.wall) -> String {
        let parts = utc(wall)
        let milliseconds = Int(wall / 1_000_000 % 1000)
        return "\(parts.date)T\(parts.hour):\(parts.minute):\(parts.second).\(padded(milliseconds, 3))Z"
    }

    /// `2026-11-21-081530`, for the name of a directory.
    static func directoryName(_ wall: UInt64 = ProcessClock.wall) -> String {
        let parts = utc(wall)
        return "\(parts.date)-\(parts.hour)\(parts.minute)\(parts.second)"
    }

    private static func utc(_ wall: UInt64) -> (date: String, hour: String, minute: String, second: String) {
        var seconds = time_t(wall / 1_000_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let date = "\(Int(parts.tm_year) + 1900)-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
        return (date, padded(Int(parts.tm_hour), 2), padded(Int(parts.tm_min), 2), padded(Int(parts.tm_sec), 2))
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
