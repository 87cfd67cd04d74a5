import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import Testing

@testable import LockstepRuntime

/// The vectors of one generation serve the next.
@Suite(.timeLimit(.minutes(Patience.minutesOfTest))) struct ExchangeMemoryTests {
    /// A lone worker's total is its root, and would else be taken twice.
    @Test(arguments: [1, 2]) func whatIsGivenBackIsTakenOnceAndZero(members: Int) throws {
        let plans = try ExchangePlan.rails(
            tree: LaneTree(laneCount: 4), lanes: members == 1 ? [0..<4] : [0..<2, 2..<4], ownIndex: 0, elementCount: 64,
            sumCount: 1, settings: ExchangeSettings())
        let pool = FloatPool(count: 64)
        func vectors(_ memory: ExchangeMemory) -> [FloatMemory] {
            memory.roots + (members == 1 ? [] : [memory.total])
        }
        let first = ExchangeMemory(plans: plans, from: pool)
        for vector in vectors(first) { vector.pointer.update(repeating: 3, count: 64) }
        first.giveBack(to: pool)
        let second = vectors(ExchangeMemory(plans: plans, from: pool))
        #expect(Set(second.map(\.pointer)) == Set(vectors(first).map(\.pointer)) && second.count == members)
        #expect(second.allSatisfy { vector in (0..<64).allSatisfy { vector.pointer[$0] == 0 } })
        // What another takes is none of these.
        #expect(!second.contains { $0 === pool.take() })
        // Where the pool is of something else, nothing comes from it.
        let other = FloatPool(count: 128)
        ExchangeMemory(plans: plans, from: other).giveBack(to: other)
        #expect(other.take(1, leaving: 0) == nil)
    }
}
