import Testing

@testable import LockstepCluster

/// How long turns are taken to be.
@Suite struct PaceTests {
    private let second: UInt64 = 1_000_000_000

    /// Where nothing was measured yet somebody may have hung in the turn: it is no reason to wait for hours later on.
    @Test func theFirstTurnIsReckonedWithinBounds() {
        var pace = Pace()
        pace.begin(0)
        pace.complete(1, 3600 * second, reckonedAtMost: 60 * second)
        #expect(pace.longestTurn == 60 * second)
        // A measured one is what it is, and takes its place.
        pace.complete(1, 3690 * second, reckonedAtMost: 60 * second)
        #expect(pace.longestTurn == 90 * second)
        var quick = Pace()
        quick.begin(0)
        quick.complete(1, 3 * second, reckonedAtMost: 60 * second)
        #expect(quick.longestTurn == 3 * second)
    }
}
