import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import Testing

@Suite struct DialQueueTests {
    private static let second: UInt64 = 1_000_000_000

    private func timing(_ mostInFlight: Int) -> DialQueue.Timing {
        var timing = DialQueue.Timing()
        timing.mostInFlight = mostInFlight
        timing.patience = 10 * Self.second
        timing.pause = Self.second
        return timing
    }

    /// For `#require`, which takes no call that mutates.
    private func next(_ queue: inout DialQueue, at now: UInt64) -> DialQueue.Attempt? { queue.next(at: now) }

    @Test("the nearest earlier member comes first, all its rails together")
    func order() {
        var queue = DialQueue(own: 3, links: 2, timing: timing(100), now: 0)
        var dials: [DialQueue.Dial] = []
        while let attempt = queue.next(at: 0) { dials.append(attempt.dial) }
        #expect(
            dials
                == [2, 1, 0].flatMap { member in
                    [DialQueue.Dial(member: member, rail: 0), DialQueue.Dial(member: member, rail: 1)]
                })
        #expect(!queue.isEmpty)
        for dial in dials { queue.opened(dial) }
        #expect(queue.isEmpty)
        let first = DialQueue(own: 0, links: 4, now: 0)
        #expect(first.isEmpty)
    }

    @Test("all pairs are linked once, and in a round of one dial each nobody is dialled twice")
    func rounds() {
        var queues = (0..<64).map { DialQueue(own: $0, links: 1, timing: timing(1), now: 0) }
        var pairs: Set<[Int]> = []
        while queues.contains(where: { !$0.isEmpty }) {
            var dialled: Set<Int> = []
            for own in queues.indices {
                guard let attempt = queues[own].next(at: 0) else { continue }
                let second = queues[own].next(at: 0)
                #expect(second == nil)
                #expect(dialled.insert(attempt.dial.member).inserted && attempt.dial.member < own)
                #expect(pairs.insert([attempt.dial.member, own]).inserted)
                queues[own].opened(attempt.dial)
            }
        }
        #expect(pairs.count == 64 * 63 / 2)
    }

    @Test("a failed dial waits for its pause behind all others, until patience ends")
    func failures() throws {
        var queue = DialQueue(own: 2, links: 1, allowance: 5 * Self.second, timing: timing(1), now: 100)
        let deadline = 100 + 15 * Self.second
        let first = try #require(next(&queue, at: 100))
        #expect(first.dial.member == 1 && first.pause == 0 && first.limit == 15 * Self.second)
        let isLost = queue.failed(first.dial, isWorthRetrying: true, at: 200)
        #expect(!isLost)
        let second = try #require(next(&queue, at: 200))
        #expect(second.dial.member == 0)
        queue.opened(second.dial)
        let again = try #require(next(&queue, at: 300))
        #expect(again.dial == first.dial && again.pause == Self.second - 100)
        #expect(300 + again.pause + again.limit == deadline)
        let isLostInTheEnd = queue.failed(again.dial, isWorthRetrying: true, at: deadline - Self.second)
        #expect(isLostInTheEnd && queue.isEmpty && next(&queue, at: deadline) == nil)
        // What was given up is not given up twice.
        let isLostTwice = queue.failed(again.dial, isWorthRetrying: true, at: deadline)
        #expect(!isLostTwice)
    }

    @Test("a refusal is final; the last attempt has a second at least")
    func ends() throws {
        var queue = DialQueue(own: 2, links: 1, timing: timing(2), now: 0)
        let refused = try #require(next(&queue, at: 0))
        let isLost = queue.failed(refused.dial, isWorthRetrying: false, at: 1)
        #expect(isLost)
        let other = try #require(next(&queue, at: 12 * Self.second))
        #expect(other.limit == Self.second)
    }

    @Test("failures halve what is in flight, down to one; successes raise it slowly")
    func pace() {
        var queue = DialQueue(own: 100, links: 1, timing: timing(8), now: 0)
        func fill() -> [DialQueue.Dial] {
            var dials: [DialQueue.Dial] = []
            while let attempt = queue.next(at: 0) { dials.append(attempt.dial) }
            return dials
        }
        var counts: [Int] = []
        for fails in [true, false, false, false, true, true, false] {
            let dials = fill()
            counts.append(dials.count)
            for (index, dial) in dials.enumerated() {
                if fails, index == 0 {
                    _ = queue.failed(dial, isWorthRetrying: true, at: 0)
                } else {
                    queue.opened(dial)
                }
            }
        }
        // After a failure the rest of its round ends well, which raises the pace by one where that suffices.
        #expect(counts == [8, 5, 6, 7, 8, 5, 3])
    }

    @Test("never more in flight than allowed, whatever fails; every dial ends once")
    func schedules() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let own = Int.random(in: 0...12, using: &random)
            let links = Int.random(in: 1...4, using: &random)
            let most = Int.random(in: 1...9, using: &random)
            var queue = DialQueue(own: own, links: links, timing: timing(most), now: 0)
            var now: UInt64 = 0
            var inFlight: [DialQueue.Dial] = []
            var ended: [DialQueue.Dial: Int] = [:]
            while !queue.isEmpty {
                now += UInt64.random(in: 0...Self.second, using: &random)
                while let attempt = queue.next(at: now) { inFlight.append(attempt.dial) }
                #expect(inFlight.count <= most, "seed \(seed)")
                guard !inFlight.isEmpty else { break }
                let dial = inFlight.remove(at: Int.random(in: inFlight.indices, using: &random))
                if Bool.random(using: &random) {
                    queue.opened(dial)
                    ended[dial, default: 0] += 1
                } else if queue.failed(dial, isWorthRetrying: Bool.random(using: &random), at: now) {
                    ended[dial, default: 0] += 1
                }
            }
            #expect(queue.isEmpty && ended.count == own * links && ended.values.allSatisfy { $0 == 1 }, "seed \(seed)")
        }
    }

    @Test("what linking may take grows with the links of a member")
    func allowance() {
        func roster(_ count: Int) -> Roster {
            let members = (0..<count).map { index in
                Roster.Member(
                    name: "w\(index)", process: ProcessNumber(UInt64(index)), host: "h", ports: [1],
                    lanes: index..<index + 1)
            }
            return Roster(
                generation: 1, members: members, startStep: 0, stateHash: StateHash(high: 0, low: 0),
                exchange: .init())
        }
        #expect(roster(1).linkingAllowance(links: 4) == 0)
        #expect(roster(64).linkingAllowance(links: 1) == 6_300_000_000)
        #expect(roster(64).linkingAllowance(links: 4) == 4 * 6_300_000_000)
    }
}
