import LockstepCollectives
import LockstepCore
import Testing

@Suite struct ExchangePlanTests {
    @Test func slicesCoverABucketEvenly() throws {
        for elements in [0, 1, 15, 16, 17, 100, 1000, 4096, 100_003] {
            for members in 1...9 {
                let buckets = Buckets(elementCount: elements)
                var next = 0
                var counts: [Int] = []
                for member in 0..<members {
                    let slice = buckets.slice(of: 0, member: member, of: members)
                    #expect(slice.lowerBound == next)
                    #expect(slice.lowerBound.isMultiple(of: 16) || slice.lowerBound == elements)
                    next = slice.upperBound
                    counts.append(slice.count)
                }
                #expect(next == elements)
                #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 31, "\(elements) over \(members)")
            }
        }
        // Any member count will do, no product overflows.
        let whole = Buckets(elementCount: 1 << 40)
        #expect(whole.slice(of: 0, member: Int.max - 1, of: Int.max) == (1 << 40) - 16..<1 << 40)
        #expect(whole.slice(of: 0, member: Int.max / 2, of: Int.max).count <= 16)
        #expect(Buckets(elementCount: 100, boundaries: [16, 64])?.ranges == [0..<16, 16..<64, 64..<100])
        for bad in [[0], [8], [64, 16], [16, 16], [112], [100], [-16]] {
            #expect(Buckets(elementCount: 100, boundaries: bad) == nil, "\(bad)")
        }
        #expect(Buckets(elementCount: -1, boundaries: []) == nil)
    }

    @Test func whatIsSentIsWhatIsReceived() throws {
        let buckets = try #require(Buckets(elementCount: 500, boundaries: [48, 256]))
        let lanes = [5..<7, 0..<2, 2..<5]
        let plans = try lanes.indices.map {
            try ExchangePlan(
                tree: LaneTree(laneCount: 7), lanes: lanes, ownIndex: $0, buckets: buckets, sumCount: 3, chunkBytes: 128
            )
        }
        // The tree over 7: ((01)(23))((45)6). Parts in lane order, whatever the roster's order.
        #expect(plans[0].parts.map(\.node.lanes) == [0..<2, 2..<4, 4..<5, 5..<6, 6..<7])
        #expect(plans[0].parts.map(\.member) == [1, 2, 2, 0, 0])
        #expect(plans[0].partNumbers == [3..<5, 0..<1, 1..<3])
        #expect(plans[2].ownRoots.map(\.lanes) == [2..<4, 4..<5])
        #expect(plans[1].recordBytes(of: 2) == 40 + 8 * 2 * 3)
        for plan in plans {
            // Staging areas do not overlap and lie inside the memory.
            var used = Set<Int>()
            for bucket in 0..<buckets.count {
                for part in plan.parts.indices where plan.parts[part].member != plan.ownIndex {
                    let offset = plan.stagingOffset(bucket: bucket, part: part)
                    for place in offset..<(offset + plan.ownSlice(of: bucket).count) {
                        #expect(used.insert(place).inserted && place < plan.stagingCount)
                    }
                }
            }
        }
        // 500 floats; each member's contributions to the slices of others, its own slice to two others.
        let expected = plans.map { plan in
            (0..<buckets.count).reduce(0) { sum, bucket in
                let own = plan.ownSlice(of: bucket).count
                return sum + 4 * ((buckets.ranges[bucket].count - own) * plan.ownRoots.count + 2 * own)
            }
        }
        #expect(plans.map(\.gradientBytesPerStep) == expected)
        #expect(plans.allSatisfy { $0.gradientFramesPerStep * 128 >= $0.gradientBytesPerStep })
    }

    @Test func lanesThatDoNotCoverMakeNoPlan() {
        let tree = LaneTree(laneCount: 4)
        let buckets = Buckets(elementCount: 16)
        for lanes in [[0..<3], [0..<2, 1..<4], [0..<2, 3..<4], [0..<4, 4..<4], [0..<2, 2..<5], [0..<4, 0..<4]] {
            #expect(throws: ExchangePlan.Fault.self, "\(lanes)") {
                try ExchangePlan(tree: tree, lanes: lanes, ownIndex: 0, buckets: buckets, sumCount: 2)
            }
        }
        for (own, sums, chunk) in [(1, 2, 64), (-1, 2, 64), (0, 0, 64), (0, 9999, 64), (0, 2, 65), (0, 2, 0)] {
            #expect(throws: ExchangePlan.Fault.self, "\(own) \(sums) \(chunk)") {
                try ExchangePlan(
                    tree: tree, lanes: [0..<4], ownIndex: own, buckets: buckets, sumCount: sums, chunkBytes: chunk)
            }
        }
    }

    @Test func aTurnFollowsTheOther() {
        let schedule = TurnSchedule(stepsDone: 1, lastStep: 3, evaluationBatches: 2)
        var turns = [schedule.first]
        while let next = schedule.successor(of: turns[turns.count - 1]) { turns.append(next) }
        #expect(
            turns == [
                Turn(.train, step: 2), Turn(.train, step: 3), Turn(.closing, step: 3), Turn(.evaluation, step: 1),
                Turn(.evaluation, step: 2),
            ])
        #expect(TurnSchedule(stepsDone: 3, lastStep: 3, evaluationBatches: 0).first == Turn(.closing, step: 3))
    }
}
