import Testing

@testable import LockstepRuntime

/// When a worker's process that hangs is ended.
@Suite struct AbsenceWatchTests {
    private static let second: UInt64 = 1_000_000_000

    /// A look a second.
    ///
    /// - Returns: the second at which the process is ended.
    private func end(_ seconds: Int, limit: UInt64 = 60, isConnected: (Int) -> Bool) -> Int? {
        var watch = AbsenceWatch(limit: limit * AbsenceWatchTests.second, startedAt: 7 * AbsenceWatchTests.second)
        return (1...seconds).first {
            watch.look(isConnected: isConnected($0), at: (7 + UInt64($0)) * AbsenceWatchTests.second)
        }
    }

    @Test func whoNeverComesIsEnded() { #expect(end(200) { _ in false } == 60) }

    @Test func whoIsThereStays() { #expect(end(200) { _ in true } == nil) }

    @Test func whoComesBackInTimeStays() { #expect(end(300) { $0 % 60 == 0 } == nil) }

    @Test func whoStaysAwayIsEnded() { #expect(end(300) { $0 <= 100 } == 160) }

    /// Nobody could come while the launcher was stopped for an hour.
    @Test func theLaunchersOwnAbsenceIsNotTheirs() {
        var watch = AbsenceWatch(limit: 60 * AbsenceWatchTests.second, startedAt: 0)
        let looks = [1] + Array(3600..<3700 as Range<UInt64>)
        let end = looks.first { watch.look(isConnected: $0 == 1, at: $0 * AbsenceWatchTests.second) }
        #expect(end == 3658)
    }
}
