import Foundation

/// How much the exhaustive tests do: a little in every run, all of it where `LOCKSTEP_SNAPSHOT_TESTS` is `long`.
enum TestAmount {
    static let isLong = ProcessInfo.processInfo.environment["LOCKSTEP_SNAPSHOT_TESTS"] == "long"
}
