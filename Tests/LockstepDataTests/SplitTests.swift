import LockstepCore
import LockstepData
import LockstepTestSupport
import Testing

@Suite struct SplitTests {
    private func isPartition(_ parts: [[UInt32]], of count: Int) -> Bool {
        parts.flatMap { $0 }.sorted() == (0..<UInt32(count)).map { $0 } && parts.allSatisfy { $0 == $0.sorted() }
    }

    @Test(arguments: [11, 12, 13] as [UInt64])
    func partsAreAPartition(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<40 {
            let count = Int.random(in: 2...500, using: &random)
            let fraction = Double.random(in: 0.01..<1, using: &random)
            let expected = Int(Double(count) * fraction)
            guard expected > 0 else { continue }
            let (training, validation) = try Split(fraction).members(of: count, seed: random.next())
            #expect(validation.count == expected)
            #expect(isPartition([training, validation], of: count))
            // The check itself finds a sample that is lost or in both parts.
            #expect(!isPartition([training, Array(validation.dropLast())], of: count))
            #expect(!isPartition([training + [validation[0]], validation], of: count))
        }
    }

    @Test func membersAreKeyed() throws {
        let split = Split(0.2)
        let first = try split.members(of: 100, seed: 1).validation
        #expect(try split.members(of: 100, seed: 1).validation == first)
        #expect(try split.members(of: 100, seed: 2).validation != first)
        // Every sample has its turn, and a larger part contains a smaller one.
        var chosen: Set<UInt32> = []
        for seed in 0..<60 as Range<UInt64> { chosen.formUnion(try split.members(of: 100, seed: seed).validation) }
        #expect(chosen.count == 100)
        #expect(Set(try Split(0.4).members(of: 100, seed: 1).validation).isSuperset(of: first))
        // The samples of validation are not those that training uses first.
        let order = SampleOrder.training(count: 100, batchSize: 20, seed: 1).samples(step: 1, positions: 0..<20)
        #expect(order.sorted() != first.map { Int($0) })
        #expect(try Split(0.1).members(of: 50, seed: 42).validation == [21, 33, 34, 35, 45])
    }

    @Test func impossibleFractionsAreRefused() {
        for (fraction, count) in [(0, 9), (1, 9), (-0.5, 9), (.nan, 9), (2, 9), (0.1, 9), (0.99, 1), (0.5, 1)] {
            let error = #expect(throws: CommandError.self) { try Split(fraction).members(of: count, seed: 1) }
            #expect(error?.exitCode == .usage)
        }
    }

    @Test func subsetsReadTheirSamples() throws {
        let reader = try Glyphs(count: 30).open(files: [])
        let (training, validation) = try Split(0.3).apply(to: reader, seed: 5)
        #expect(training.count == 21 && validation.count == 9)
        for subset in [training, validation] {
            for (position, sample) in subset.samples.enumerated() {
                #expect(subset.sample(position) == reader.sample(Int(sample)))
            }
            #expect(subset.inputShape == [28, 28, 1] && subset.target == .classes(10))
        }
        let other = try Split(0.3).apply(to: reader, seed: 6)
        let digests = [
            reader.contentDigest, training.contentDigest, validation.contentDigest, other.training.contentDigest,
            other.validation.contentDigest,
        ]
        #expect(Set(digests).count == 5)
        #expect(try Split(0.3).apply(to: reader, seed: 5).training.contentDigest == training.contentDigest)
    }
}
