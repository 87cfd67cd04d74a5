import Testing

@testable import LockstepRuntime

/// When a worker's process is started again.
@Suite struct RestartPolicyTests {
    private static let second: UInt64 = 1_000_000_000

    /// A life after the other, each so long and ended so.
    private func decisions(
        _ lives: [(seconds: Double, end: ProcessEnd, isPrepared: Bool)]
    ) -> [RestartPolicy.Decision] {
        var policy = RestartPolicy()
        var now: UInt64 = 5 * RestartPolicyTests.second
        return lives.map { life in
            let startedAt = now
            now += UInt64(life.seconds * 1e9)
            let decision = policy.ended(life.end, isPrepared: life.isPrepared, startedAt: startedAt, at: now)
            if case .startAgain(let pause) = decision { now += pause }
            return decision
        }
    }

    private func pauses(_ decisions: [RestartPolicy.Decision]) -> [Double] {
        decisions.map { decision in
            guard case .startAgain(let pause) = decision else { return -1 }
            return Double(pause) / 1e9
        }
    }

    @Test func pausesDoubleUntilALifeWasLong() {
        let killed = ProcessEnd.signaled(9)
        let lives = Array(repeating: (20.0, killed, true), count: 9) + [(60, killed, true), (20, killed, true)]
        #expect(pauses(decisions(lives)) == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 0.25, 0.5])
    }

    @Test(arguments: [0, 75] as [Int32]) func whoWasToldToEndIsNotReplaced(code: Int32) {
        #expect(decisions([(3, .exited(code), true)]) == [.leave])
    }

    @Test func threeThatNeverWereReadyAreEnough() throws {
        let end = ProcessEnd.exited(2)
        let last = decisions([(1, end, false), (1, end, false), (1, end, false)])
        #expect(pauses(last) == [0.25, 0.5, -1])
        guard case .giveUp(let reason) = try #require(last.last) else { return #expect(Bool(false), "\(last)") }
        #expect(reason == "it ended 3 times in a row before it was prepared, at last with exit status 2")
        // One that was ready in between begins the count anew.
        let mixed = decisions([(1, end, false), (1, end, false), (30, end, true), (30, end, false), (30, end, false)])
        #expect(!mixed.contains { if case .giveUp = $0 { true } else { false } }, "\(mixed)")
    }

    @Test func fiveWithinAMinuteAreEnough() throws {
        let killed = ProcessEnd.signaled(6)
        let flapping = decisions(Array(repeating: (5, killed, true), count: 5))
        #expect(pauses(flapping) == [0.25, 0.5, 1, 2, -1])
        #expect(
            flapping.last == .giveUp(reason: "it ended 5 times within a minute, at last with signal 6 (SIGABRT)"))
        // Four, a quiet minute, and four again are not five.
        let quiet =
            Array(repeating: (5.0, killed, true), count: 4) + [(61, killed, true)]
            + Array(repeating: (5.0, killed, true), count: 3)
        #expect(!pauses(decisions(quiet)).contains(-1))
    }

    @Test func aProcessThatCannotRunCounts() {
        let end = ProcessEnd.notRun(reason: "no memory")
        #expect(pauses(decisions([(0, end, false), (0, end, false), (0, end, false)])).last == -1)
    }
}
