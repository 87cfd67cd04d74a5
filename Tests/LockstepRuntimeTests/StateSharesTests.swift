import LockstepCluster
import LockstepCollectives
import LockstepEngine
import LockstepModels
import LockstepWire
import Testing

@testable import LockstepRuntime

/// Shares of a live state, and what a damaged state is found to be.
@Suite struct StateSharesTests {
    private static func state() throws -> FlatState {
        let plan = try Plan.compile(
            model: Linear(300, 280), inputShape: [300], loss: .meanSquaredError, optimizer: .adam(learningRate: 0.1))
        return try FlatState(plan: plan, seed: 5)
    }

    /// An owner that is about to change the state breaks the share off, numbers and all.
    @Test func aClosedGateEndsAShare() throws {
        let state = try Self.state()
        let fetch = Fetch(step: 3, share: 0, count: 1)
        func frames(closingAfter limit: Int) -> Int {
            let gate = StateGate()
            var iterator = ShareFrames(of: state, fetch, generation: 2, numbers: [1], gate: gate).makeIterator()
            var count = 0
            while let frame = iterator.next() {
                #expect(frame.header.generation == 2)
                count += 1
                if count == limit { gate.close() }
            }
            return count
        }
        let whole = frames(closingAfter: .max)
        #expect(whole == 7)
        #expect(frames(closingAfter: 1) == 1)
        #expect(frames(closingAfter: 4) == 4)
    }

    @Test func damageIsNamedByTensor() throws {
        let (state, sound) = (try Self.state(), try Self.state())
        func damage() -> Damage? {
            StateDamage.between(
                state, sound: ([sound.parameters] + sound.vectors).map { UnsafePointer($0) }, step: 9)
        }
        #expect(damage() == nil)
        let bias = try #require(state.layout.entries.first { $0.name.hasSuffix("bias") })
        let weight = try #require(state.layout.entries.first { $0.name.hasSuffix("weight") })
        state.parameters[bias.range.lowerBound + 7] += 1
        state.parameters[bias.range.lowerBound + 9] += 1
        state.vectors[1][weight.range.lowerBound] = -0.0
        let found = try #require(damage())
        #expect(found.step == 9)
        #expect(
            found.tensors == [
                Damage.DamagedTensor(name: bias.name, count: 2, firstIndex: 7),
                Damage.DamagedTensor(name: "exp_avg_sq." + weight.name, count: 1, firstIndex: 0),
            ])
    }
}
