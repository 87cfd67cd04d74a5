import LockstepTestSupport
import Synchronization
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

    @Test func whatNobodyNeedsIsFreed() {
        // Made ready by the caller, and emptied in the midst of it.
        let work = Mutex<(@Sendable () -> Void)?>(nil)
        let pool = FloatPool(count: 64) { later in work.withLock { $0 = later } }
        pool.give(back: pool.take())
        pool.prepare(3)
        pool.empty()
        work.withLock { $0 }?()
        #expect(pool.take(1, leaving: 0) == nil)
        pool.prepare(3)
        work.withLock { $0 }?()
        #expect(pool.take(3, leaving: 0)?.count == 3)
    }

    @Test func whatIsTakenClearedIsZero() {
        let pool = FloatPool(count: 64)
        let used = pool.take()
        used.pointer.update(repeating: 3, count: 64)
        pool.give(back: used)
        let cleared = pool.takeCleared()
        #expect(cleared === used && (0..<64).allSatisfy { cleared.pointer[$0] == 0 })
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

    /// One is fed a step in each turn; the next one's copy has its room all the same.
    @Test func aCopyFindsRoomBesideSteps() {
        let pool = FloatPool(count: 64) { work in work() }
        let shape = FeedShape(vectorCount: 3, elementCount: 64, numberCount: 1, sumCount: 1, laneCount: 1)
        let feeds = Feeds(shape, pool: pool)
        feeds.prepareRoom()
        for _ in 0..<4 {
            var steps: [FloatMemory] = []
            var room = feeds.takeRoomForState()
            for _ in 0..<4 where room == nil {
                steps.append(feeds.takeRoomForStep())
                room = feeds.takeRoomForState()
            }
            #expect(room?.count == 3)
            for memory in steps + (room ?? []) { pool.give(back: memory) }
        }
    }
}
