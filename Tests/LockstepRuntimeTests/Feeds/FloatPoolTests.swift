import LockstepTestSupport
import Testing

@testable import LockstepRuntime

/// Memory that is made ready beforehand.
@Suite(.timeLimit(.minutes(Patience.minutesOfTest))) struct FloatPoolTests {
    @Test func nothingIsReadyBeforeItWasAskedFor() {
        let pool = FloatPool(count: 64)
        #expect(pool.take(1, leaving: 0) == nil)
        // A step does not do without.
        #expect(pool.take().count == 64)
    }

    /// A copy leaves as much as the steps need that are done while it travels.
    @Test func aCopyLeavesRoomForSteps() async {
        let pool = FloatPool(count: 64)
        pool.prepare(5)
        var room = pool.take(3, leaving: 2)
        while room == nil {
            await Task.yield()
            room = pool.take(3, leaving: 2)
        }
        #expect(Set((room ?? []).map(\.pointer)).count == 3)
        #expect(pool.take(1, leaving: 2) == nil)
        let rest = [pool.take(), pool.take()]
        #expect(Set(((room ?? []) + rest).map(\.pointer)).count == 5)
    }

    @Test func whatIsGivenBackIsUsedAgain() {
        let pool = FloatPool(count: 64)
        let memory = pool.take()
        pool.give(back: memory)
        // Of another length: the numbers beside a state.
        pool.give(back: FloatMemory(count: 8))
        #expect(pool.take() === memory && pool.take(1, leaving: 0) == nil)
    }

    @Test func noMoreIsKeptThanStepsNeed() {
        let pool = FloatPool(count: 64)
        for memory in (0..<9).map({ _ in pool.take() }) { pool.give(back: memory) }
        #expect(pool.take(5, leaving: 0) == nil && pool.take(4, leaving: 0)?.count == 4)
    }
}
