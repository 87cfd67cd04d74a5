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
        // Pieces of rails cover a bucket likewise; a small one is rail 0's.
        let cut = try #require(Buckets(elementCount: 1000, boundaries: [64, 128]))
        for rails in 1...5 {
            let pieces = (0..<rails).map { cut.rail($0, of: rails, smallCount: 64) }
            for (bucket, range) in cut.ranges.enumerated() {
                var next = range.lowerBound
                for piece in pieces {
                    #expect(piece.ranges[bucket].lowerBound == next || piece.ranges[bucket].isEmpty)
                    next = max(next, piece.ranges[bucket].upperBound)
                }
                #expect(next == range.upperBound)
                #expect(bucket == 2 || pieces[0].ranges[bucket] == range)
                #expect(bucket != 2 || pieces.allSatisfy { !$0.ranges[2].isEmpty })
            }
        }
        for bad in [[0], [8], [64, 16], [16, 16], [112], [100], [-16]] {
            #expect(Buckets(elementCount: 100, boundaries: bad) == nil, "\(bad)")
        }
        #expect(Buckets(elementCount: -1, boundaries: []) == nil)
    }

    @Test func whatIsSentIsWhatIsReceived() throws {
        // Buckets of 192, 832 and 976 bytes: the first goes in one hop, on rail 0.
        let settings = ExchangeSettings(bucketBoundaries: [48, 256], oneHopBytes: 192, chunkBytes: 128, links: 2)
        let lanes = [5..<7, 0..<2, 2..<5]
        let plans = try lanes.indices.map {
            try ExchangePlan.rails(
                tree: LaneTree(laneCount: 7), lanes: lanes, ownIndex: $0, elementCount: 500, sumCount: 3,
                settings: settings)
        }
        // The tree over 7: ((01)(23))((45)6). Parts in lane order, whatever the roster's order.
        let first = plans[0][0]
        #expect(first.parts.map(\.node.lanes) == [0..<2, 2..<4, 4..<5, 5..<6, 6..<7])
        #expect(first.parts.map(\.member) == [1, 2, 2, 0, 0])
        #expect(first.partNumbers == [3..<5, 0..<1, 1..<3])
        #expect(plans[2][0].ownRoots.map(\.lanes) == [2..<4, 4..<5])
        #expect(plans[1][0].recordBytes(of: 2) == 56 + 8 * 2 * 3)
        #expect((0..<3).map(first.isOneHop) == [true, false, false])
        #expect(first.buckets.ranges == [0..<48, 48..<144, 256..<384])
        #expect(plans[0][1].buckets.ranges == [48..<48, 144..<256, 384..<500])
        #expect(first.ownRange(of: 0) == 0..<48 && first.slice(of: 0, member: 1).isEmpty)
        #expect(first.ownRange(of: 1) == 48..<80 && first.slice(of: 1, member: 2) == 112..<144)
        for plan in plans.flatMap({ $0 }) {
            // Staging areas do not overlap and lie inside the memory.
            var used = Set<Int>()
            for bucket in 0..<plan.buckets.count {
                for part in plan.parts.indices where plan.parts[part].member != plan.ownIndex {
                    let offset = plan.stagingOffset(bucket: bucket, part: part)
                    for place in offset..<(offset + plan.ownRange(of: bucket).count) {
                        #expect(used.insert(place).inserted && place < plan.stagingCount)
                    }
                }
            }
            // Contributions to the slices of others, the own slice to two others; all of a bucket to both in one hop.
            let expected = (0..<plan.buckets.count).reduce(0) { sum, bucket in
                let piece = plan.buckets.ranges[bucket].count
                let own = plan.ownRange(of: bucket).count
                let roots = plan.ownRoots.count
                return sum + 4 * (plan.isOneHop(bucket) ? 2 * roots * piece : (piece - own) * roots + 2 * own)
            }
            #expect(plan.gradientBytesPerStep == expected)
            #expect(plan.gradientFramesPerStep * 128 >= plan.gradientBytesPerStep)
        }
        // 500 floats over two members of one root each: in one hop, everything once.
        let pair = try ExchangePlan(
            tree: LaneTree(laneCount: 2), lanes: [1..<2, 0..<1], ownIndex: 0, elementCount: 500, sumCount: 2,
            settings: ExchangeSettings(oneHopBytes: 0))
        #expect(pair.isOneHop(0) && pair.gradientBytesPerStep == 2000 && pair.gradientFramesPerStep == 1)
    }

    /// Own roots are read only; every part is added once, in the order of the tree.
    @Test func additionsFollowTheTree() throws {
        let lanes = [5..<7, 0..<2, 2..<5]
        let plan = try ExchangePlan(
            tree: LaneTree(laneCount: 7), lanes: lanes, ownIndex: 2, elementCount: 16, sumCount: 1,
            settings: ExchangeSettings(oneHopBytes: 0))
        var exchange = Exchange(plan: plan, generation: 1, schedule: TurnSchedule(trialRounds: 1))
        exchange.begin(Turn(.trial, step: 1))
        // Of 16 floats the last member sums all.
        for (member, part) in [(0, 3), (0, 4), (1, 0)] {
            let frame = FrameHeader(
                kind: .contribution, generation: 1, step: 1, phase: 5, part: UInt16(part), length: 64)
            _ = try exchange.willReceive(frame, from: member)
            try exchange.didReceive(frame, from: member)
        }
        exchange.bucketReady(0)
        var reduction: ChunkReduction?
        while let action = exchange.nextAction() { if case .reduce(let chunk) = action { reduction = chunk } }
        // ((01)(23))((45)6): staged parts 0 (01), 1 (5), 2 (6); own roots 0 (23) and 1 (4).
        let additions = reduction?.additions ?? []
        #expect(additions.map(\.left) == [.staged(0), .root(1), .staged(1), .staged(0)])
        #expect(additions.map(\.right) == [.root(0), .staged(1), .staged(2), .staged(1)])
        #expect(additions.map(\.into) == [0, 1, 1, nil])
    }

    @Test func lanesThatDoNotCoverMakeNoPlan() {
        let tree = LaneTree(laneCount: 4)
        for lanes in [[0..<3], [0..<2, 1..<4], [0..<2, 3..<4], [0..<4, 4..<4], [0..<2, 2..<5], [0..<4, 0..<4]] {
            #expect(throws: ExchangePlan.Fault.self, "\(lanes)") {
                try ExchangePlan(
                    tree: tree, lanes: lanes, ownIndex: 0, elementCount: 16, sumCount: 2,
                    settings: ExchangeSettings())
            }
        }
        func expectFault(
            own: Int = 0, sums: Int = 2, elements: Int = 100, rail: Int = 0, _ settings: ExchangeSettings = .init(),
            sourceLocation: SourceLocation = #_sourceLocation
        ) {
            #expect(throws: ExchangePlan.Fault.self, sourceLocation: sourceLocation) {
                try ExchangePlan(
                    tree: tree, lanes: [0..<4], ownIndex: own, elementCount: elements, sumCount: sums,
                    settings: settings, rail: rail)
            }
        }
        expectFault(own: 1)
        expectFault(own: -1)
        expectFault(sums: 0)
        expectFault(sums: 9999)
        expectFault(elements: -1)
        expectFault(elements: .max)
        expectFault(rail: 1)
        expectFault(rail: -1)
        for chunk in [65, 32, 0, -64, Int.max] { expectFault(ExchangeSettings(chunkBytes: chunk)) }
        for bytes in [-1, Int.max] { expectFault(ExchangeSettings(oneHopBytes: bytes)) }
        for links in [0, -1, 17, Int.max] { expectFault(ExchangeSettings(links: links)) }
        for boundaries in [[8], [0], [112], [64, 16]] { expectFault(ExchangeSettings(bucketBoundaries: boundaries)) }
        #expect(throws: ExchangePlan.Fault.self) {
            try ExchangePlan.rails(
                tree: tree, lanes: [0..<4], ownIndex: 0, elementCount: 16, sumCount: 2,
                settings: ExchangeSettings(links: 0))
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
        let trial = TurnSchedule(trialRounds: 2)
        #expect(trial.first == Turn(.trial, step: 1) && trial.first.hasGradients && !trial.first.hasBatch)
        #expect(trial.successor(of: trial.first) == Turn(.trial, step: 2) && trial.isLast(Turn(.trial, step: 2)))
        #expect(TurnSchedule(stepsDone: 3, lastStep: 3, evaluationBatches: 0).first == Turn(.closing, step: 3))
    }
}
