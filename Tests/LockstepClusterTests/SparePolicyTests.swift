import LockstepCluster
import Testing

@Suite struct SparePolicyTests {
    @Test(arguments: [
        // workers, spares, lanes, at hand, members
        (3, 1, 8, 2, 2), (3, 1, 8, 3, 3), (3, 1, 8, 4, 3), (3, 1, 8, 5, 4), (3, 1, 8, 20, 8),
        (3, 0, 8, 2, 2), (3, 0, 8, 3, 3), (3, 0, 8, 4, 4), (3, 0, 8, 9, 8),
        (1, 2, 8, 1, 1), (1, 2, 8, 3, 1), (1, 2, 8, 4, 2), (3, 1024, 8, 100, 3), (3, 1, 2, 3, 2), (3, 1, 8, 0, 0),
    ])
    func membersOfThoseAtHand(_ workers: Int, _ spares: Int, _ lanes: Int, _ count: Int, _ members: Int) {
        #expect(SparePolicy(workers: workers, spares: spares, laneCount: lanes).members(of: count) == members)
    }

    /// More at hand never makes fewer members, and no spare is kept before the workers are there.
    @Test func moreAreNeverFewer() {
        for workers in 1...4 {
            for spares in 0...3 {
                for lanes in workers...6 {
                    let policy = SparePolicy(workers: workers, spares: spares, laneCount: lanes)
                    for count in 0...12 {
                        let members = policy.members(of: count)
                        #expect(members <= min(count, lanes) && policy.members(of: count + 1) - members <= 1)
                        #expect(policy.members(of: count + 1) >= members)
                        #expect(members >= min(count, workers))
                        if members < lanes { #expect(count - members <= spares) }
                    }
                }
            }
        }
    }

    @Test func observersAreOfUseForLanesAndAsSpares() {
        let policy = SparePolicy(workers: 2, spares: 1, laneCount: 4)
        #expect((0...5).map(policy.observers(beside:)) == [5, 4, 3, 2, 1, 1])
    }
}
