import Testing

@testable import LockstepRuntime

@Suite struct RedialTests {
    @Test func pausesDoubleUpToTwoSeconds() {
        var redial = Redial(start: 100, patience: 60)
        let pauses = (0..<7).map { _ in redial.nextPause(at: 100) }
        #expect(pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 2, 2])
    }

    @Test func noAttemptBeginsAfterPatience() {
        var redial = Redial(start: 100, patience: 1)
        #expect(redial.nextPause(at: 100.5) == 0.1)
        #expect(redial.nextPause(at: 100.9) == nil)
        var none = Redial(start: 100, patience: 0)
        #expect(none.nextPause(at: 100) == nil)
    }

    /// What was reached once is dialled for as long as somebody else has patience.
    @Test func successBeginsAnew() {
        var redial = Redial(start: 100, patience: 1)
        _ = redial.nextPause(at: 100)
        redial.succeeded()
        #expect((0..<3).map { _ in redial.nextPause(at: 5000) } == [0.1, 0.2, 0.4])
    }
}
