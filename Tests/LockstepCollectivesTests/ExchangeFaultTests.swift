import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import Testing

@Suite struct ExchangeFaultTests {
    /// Two members, lanes 0..<3 (roots 0 and 1) and 3..<4 (root 2); one bucket of 64 floats, slices of 32, two chunks each.
    func exchange(own: Int, chunkBytes: Int = 64) throws -> Exchange {
        let plan = try ExchangePlan(
            tree: LaneTree(laneCount: 4), lanes: [0..<3, 3..<4], ownIndex: own, elementCount: 64, sumCount: 2,
            settings: ExchangeSettings(oneHopBytes: 0, chunkBytes: chunkBytes))
        return Exchange(
            plan: plan, generation: 3, schedule: TurnSchedule(stepsDone: 4, lastStep: 6, evaluationBatches: 1))
    }

    private func contribution(
        generation: UInt32 = 3, step: UInt32 = 5, phase: UInt8 = 0, bucket: UInt16 = 0, part: UInt16 = 2,
        length: UInt32 = 64, offset: UInt64 = 0
    ) -> FrameHeader {
        FrameHeader(
            kind: .contribution, generation: generation, step: step, phase: phase, bucket: bucket, part: part,
            length: length, offset: offset)
    }

    func actions(_ exchange: inout Exchange) -> [Exchange.Action] {
        var actions: [Exchange.Action] = []
        while let action = exchange.nextAction() { actions.append(action) }
        return actions
    }

    /// Takes all actions and says of each frame that it is sent.
    func sendAll(_ exchange: inout Exchange) {
        while let action = exchange.nextAction() {
            if case .send(_, let header, _) = action { exchange.didSend(header) }
        }
    }

    func record(of plan: ExchangePlan, _ hash: UInt64 = 1) -> ControlRecord {
        ControlRecord(
            lanes: plan.lanes[plan.ownIndex],
            sums: [Double](repeating: 1, count: plan.ownRoots.count * plan.sumCount), sampleHash: 0,
            stateHash: StateHash(high: 0, low: hash))
    }

    func expectFault(
        _ header: FrameHeader, _ text: String, _ exchange: Exchange, from member: Int = 1,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var exchange = exchange
        do {
            let destination = try exchange.willReceive(header, from: member)
            Issue.record("\(header) was given \(destination)", sourceLocation: sourceLocation)
        } catch {
            #expect(error.member == member && error.reason.contains(text), "\(error)", sourceLocation: sourceLocation)
        }
    }

    @Test func framesWithoutAPlaceAreRefusedBeforeTheirPayload() throws {
        var exchange = try exchange(own: 0)
        exchange.begin(Turn(.train, step: 5))
        expectFault(contribution(generation: 2), "generation 2", exchange)
        expectFault(contribution(generation: 4), "generation 4", exchange)
        expectFault(contribution(step: 4), "step 4 while", exchange)
        expectFault(contribution(step: 6), "before the turn ahead", exchange)
        expectFault(contribution(step: 7), "step 7 while", exchange)
        expectFault(contribution(phase: 1), "evaluation", exchange)
        expectFault(contribution(phase: 3), "validations", exchange)
        expectFault(contribution(phase: 4), "decision", exchange)
        expectFault(contribution(phase: 5), "round 5 of the trial", exchange)
        expectFault(contribution(phase: 6), "phase 6", exchange)
        expectFault(contribution(bucket: 1), "(bucket 1, part 2) behind the last bucket, 0", exchange)
        expectFault(contribution(part: 0), "does not own", exchange)
        expectFault(contribution(part: 3), "does not own", exchange)
        expectFault(contribution(offset: 64), "from byte 64 instead of 0", exchange)
        expectFault(contribution(offset: UInt64.max), "instead of 0", exchange)
        expectFault(contribution(length: 63), "63 bytes", exchange)
        expectFault(contribution(length: 0), "0 bytes", exchange)
        expectFault(contribution(length: 128), "128 bytes", exchange)
        expectFault(contribution(length: UInt32.max), "4294967295 bytes", exchange)
        expectFault(contribution(), "no peer", exchange, from: 0)
        expectFault(contribution(), "no peer", exchange, from: 2)
        expectFault(contribution(), "no peer", exchange, from: -1)
        var total = contribution(part: 0)
        total.kind = .total
        expectFault(total, "lacks this worker's contribution", exchange)
        for kind in [FrameKind.message, .link, .share, .log] {
            var other = contribution()
            other.kind = kind
            expectFault(other, "\(kind)", exchange)
        }
        var short = FrameHeader(kind: .record, generation: 3, step: 5, length: 71)
        expectFault(short, "71 bytes instead of 72", exchange)
        short.length = 72
        short.part = 1
        expectFault(short, "control record", exchange)

        // And the one that has a place.
        #expect(try exchange.willReceive(contribution(), from: 1) == .staging(floatOffset: 0))
        expectFault(contribution(), "inside another", exchange)
        #expect(throws: ExchangeFault.self) { try exchange.didReceive(contribution(offset: 64), from: 1) }
        try exchange.didReceive(contribution(), from: 1)
        #expect(actions(&exchange).isEmpty)
        expectFault(contribution(), "from byte 0 instead of 64", exchange)
        #expect(try exchange.willReceive(contribution(offset: 64), from: 1) == .staging(floatOffset: 16))
        try exchange.didReceive(contribution(offset: 64), from: 1)
        expectFault(contribution(offset: 128), "contribution (bucket 0, part 2) beyond its 128 bytes", exchange)

        var afterBucket = exchange
        afterBucket.bucketReady(0)
        var withPart = total
        withPart.part = 2
        expectFault(withPart, "(bucket 0, part 2) of a part", afterBucket)
        #expect(try afterBucket.willReceive(total, from: 1) == .total(floatOffset: 32))
    }

    @Test func aForeignRecordIsCheckedAgainstThePlan() throws {
        let own = try exchange(own: 0).plan
        let peer = try exchange(own: 1).plan
        let good = record(of: peer).encoded(by: peer)
        #expect(try ControlRecord(decoding: good, from: 1, by: own) == record(of: peer))
        var audited = record(of: peer)
        audited.ownLaneHash = 0x0102_0304_0506_0708
        audited.auditHash = UInt64.max
        let bytes = audited.encoded(by: peer)
        #expect(Array(bytes[40..<56]) == [8, 7, 6, 5, 4, 3, 2, 1] + [UInt8](repeating: 255, count: 8))
        #expect(try ControlRecord(decoding: bytes, from: 1, by: own) == audited)
        for (place, value) in [(32, 2), (34, 2), (36, 2), (38, 1), (28, 0)] as [(Int, UInt8)] {
            var bad = good
            bad[place] = value
            if place == 28 { bad.replaceSubrange(28..<32, with: [0, 0, 0, 0]) }
            #expect(throws: ExchangeFault.self, "byte \(place)") { try ControlRecord(decoding: bad, from: 1, by: own) }
        }
        #expect(throws: ExchangeFault.self) { try ControlRecord(decoding: [], from: 1, by: own) }
        #expect(throws: ExchangeFault.self) { try ControlRecord(decoding: good + [0], from: 1, by: own) }
        var random = SeededGenerator(seed: 5)
        for _ in 0..<500 {
            let bytes = (0..<72).map { _ in UInt8.random(in: 0...255, using: &random) }
            #expect(throws: ExchangeFault.self) { try ControlRecord(decoding: bytes, from: 1, by: own) }
        }
    }

    /// No header traps, and none is given a place outside the memory of the plan or inside another's slice.
    @Test func randomHeadersStayInBounds() throws {
        let seed: UInt64 = 77
        var random = SeededGenerator(seed: seed)
        var accepted = 0
        for round in 0..<400 {
            var exchange = try exchange(own: round % 2)
            let plan = exchange.plan
            let peer = 1 - plan.ownIndex
            if Bool.random(using: &random) {
                exchange.begin(Turn(.train, step: 5))
                if Bool.random(using: &random) { exchange.bucketReady(0) }
                if Bool.random(using: &random) { exchange.recordReady(record(of: plan)) }
            }
            for _ in 0..<30 {
                var header = FrameHeader(
                    kind: [.contribution, .total, .record].randomElement(using: &random) ?? .log, generation: 3,
                    step: 5, length: 64, offset: Bool.random(using: &random) ? 0 : 64)
                if header.kind == .contribution {
                    header.part = UInt16(plan.partNumbers[peer].randomElement(using: &random) ?? 0)
                }
                if header.kind == .record { (header.length, header.offset) = (UInt32(plan.recordBytes(of: peer)), 0) }
                switch Int.random(in: 0..<12, using: &random) {
                case 0: header.kind = FrameKind.allCases.randomElement(using: &random) ?? .log
                case 1: header.generation = [0, 2, 4, UInt32.max].randomElement(using: &random) ?? 0
                case 2: header.step = [4, 6, 7, UInt32.max].randomElement(using: &random) ?? 0
                case 3: header.phase = [1, 2, 3, 4, 5, 6, 255].randomElement(using: &random) ?? 0
                case 4: header.bucket = [1, UInt16.max].randomElement(using: &random) ?? 0
                case 5: header.part = [0, 1, 2, 3, UInt16.max].randomElement(using: &random) ?? 0
                case 6: header.length = [0, 4, 72, 128, UInt32.max].randomElement(using: &random) ?? 0
                case 7: header.offset = [128, 1 << 40, UInt64.max].randomElement(using: &random) ?? 0
                default: break
                }
                guard let destination = try? exchange.willReceive(header, from: peer) else { continue }
                accepted += 1
                let floats = Int(header.length) / 4
                switch destination {
                case .staging(let offset):
                    #expect(offset >= 0 && offset + floats <= plan.stagingCount, "seed \(seed): \(header)")
                    try exchange.didReceive(header, from: peer)
                case .total(let offset):
                    let slice = plan.slice(of: 0, member: peer)
                    #expect(
                        offset >= slice.lowerBound && offset + floats <= slice.upperBound, "seed \(seed): \(header)")
                    try exchange.didReceive(header, from: peer)
                case .sum, .later: Issue.record("seed \(seed): \(destination) for \(header)")
                case .record:
                    #expect(Int(header.length) == plan.recordBytes(of: peer))
                    try? exchange.didReceiveRecord([UInt8](repeating: 0, count: 72), header, from: peer)
                }
            }
        }
        #expect(accepted > 300)
    }
}
