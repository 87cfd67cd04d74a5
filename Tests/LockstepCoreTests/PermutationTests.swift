import LockstepCore
import Testing

@Suite struct PermutationTests {
    @Test(arguments: [1, 2, 3, 7, 10, 64, 100, 1000, 4097])
    func visitsEveryElementOnce(count: Int) {
        for epoch in 1...3 {
            let permutation = Permutation(count: count, seed: 42, epoch: epoch)
            #expect((0..<count).map { permutation[$0] }.sorted() == Array(0..<count))
        }
    }

    @Test func dependsOnSeedAndEpochAndIsFrozen() {
        func order(_ seed: UInt64, _ epoch: Int) -> [Int] {
            let permutation = Permutation(count: 10, seed: seed, epoch: epoch)
            return (0..<10).map { permutation[$0] }
        }
        #expect(order(42, 1) != order(42, 2))
        #expect(order(42, 1) != order(43, 1))
        // Golden: the order of samples is part of the arithmetic version.
        #expect(order(42, 1) == PermutationTests.golden)
    }

    /// Many at a time are what they are one by one.
    @Test(arguments: [1, 2, 7, 64, 1000, 4097, 1 << 20, (1 << 20) + 1, 5_000_000_000, (1 << 62) - 1])
    func rangesAreTheSameElements(count: Int) {
        let permutation = Permutation(count: count, seed: 42 << 40, epoch: 3)
        for positions in [0..<0, 0..<1, 0..<9, 3..<20, count - 33..<count, count / 2..<count / 2 + 8] {
            let range = positions.clamped(to: 0..<count)
            #expect(permutation.elements(at: range) == range.map { permutation[$0] }, "\(range)")
        }
        #expect(permutation.elements(at: count..<count) == [])
    }

    static let golden = [7, 2, 3, 6, 1, 4, 0, 8, 9, 5]
}
