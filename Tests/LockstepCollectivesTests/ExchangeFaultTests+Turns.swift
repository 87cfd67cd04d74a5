import LockstepCollectives
import LockstepCore
import Testing

extension ExchangeFaultTests {
    @Test func recordsOfTheNextTurnHaveTheirOwnPlaceAndNoMore() throws {
        var exchange = try exchange(own: 0, chunkBytes: 128)
        let peer = try self.exchange(own: 1, chunkBytes: 128).plan
        let payload = record(of: peer).encoded(by: peer)
        func header(_ kind: FrameKind, _ turn: Turn, _ part: UInt16 = 0, _ length: Int) -> FrameHeader {
            FrameHeader(
                kind: kind, generation: 3, step: turn.step, phase: turn.phase.rawValue, part: part,
                length: UInt32(length))
        }
        func receive(_ header: FrameHeader) throws {
            _ = try exchange.willReceive(header, from: 1)
            if header.kind == .record {
                try exchange.didReceiveRecord(payload, header, from: 1)
            } else {
                try exchange.didReceive(header, from: 1)
            }
        }
        let five = Turn(.train, step: 5)
        let six = Turn(.train, step: 6)
        // A frame of the first turn may come before it has begun here.
        try receive(header(.contribution, five, 2, 128))
        exchange.begin(five)
        exchange.recordReady(record(of: exchange.plan))
        #expect(exchange.waitingFor == [1])
        #expect(exchange.bucketAwaited(from: 1) == 0)
        exchange.bucketReady(0)
        sendAll(&exchange)
        try receive(header(.record, five, 0, 72))
        expectFault(header(.record, five, 0, 72), "second control record", exchange)
        expectFault(header(.record, six, 0, 72), "before the turn ahead", exchange)
        try receive(header(.total, five, 0, 128))
        guard case .finished(five, let records) = actions(&exchange).last else {
            Issue.record("the turn did not finish")
            return
        }
        #expect(records == [record(of: exchange.plan), record(of: peer)])
        #expect(exchange.waitingFor.isEmpty)
        // The peer is ahead while this worker has not begun.
        try receive(header(.contribution, six, 2, 128))
        try receive(header(.record, six, 0, 72))
        expectFault(header(.record, Turn(.closing, step: 6), 0, 72), "while this worker is in step 6", exchange)
        expectFault(header(.total, six, 0, 128), "lacks this worker's contribution", exchange)
        exchange.begin(six)
        exchange.bucketReady(0)
        sendAll(&exchange)
        try receive(header(.total, six, 0, 128))
        #expect(exchange.waitingFor.isEmpty && exchange.bucketAwaited(from: 1) == nil)
        exchange.recordReady(record(of: exchange.plan))
        guard case .finished(six, _) = actions(&exchange).last else {
            Issue.record("the turn did not finish")
            return
        }
        let closing = Turn(.closing, step: 6)
        expectFault(header(.contribution, closing, 2, 128), "gradients for the closing", exchange)
        exchange.begin(closing)
        exchange.recordReady(record(of: exchange.plan))
        try receive(header(.record, closing, 0, 72))
        exchange.begin(Turn(.evaluation, step: 1))
        exchange.recordReady(record(of: exchange.plan))
        try receive(header(.record, Turn(.evaluation, step: 1), 0, 72))
        #expect(exchange.turn == nil)
        expectFault(header(.record, Turn(.evaluation, step: 2), 0, 72), "in no turn", exchange)
    }

    /// Between two trials of a generation frames of the next one wait.
    @Test func framesBehindATrialWait() throws {
        let plan = try exchange(own: 0, chunkBytes: 128).plan
        var exchange = Exchange(plan: plan, generation: 3, schedule: TurnSchedule(trialRounds: 1))
        var frame = FrameHeader(kind: .contribution, generation: 3, step: 1, phase: 5, part: 2, length: 128)
        exchange.begin(Turn(.trial, step: 1))
        _ = try exchange.willReceive(frame, from: 1)
        try exchange.didReceive(frame, from: 1)
        exchange.bucketReady(0)
        exchange.recordReady(record(of: plan))
        sendAll(&exchange)
        let payload = record(of: try self.exchange(own: 1).plan).encoded(by: try self.exchange(own: 1).plan)
        let peerRecord = FrameHeader(kind: .record, generation: 3, step: 1, phase: 5, length: 72)
        _ = try exchange.willReceive(peerRecord, from: 1)
        try exchange.didReceiveRecord(payload, peerRecord, from: 1)
        let total = FrameHeader(kind: .total, generation: 3, step: 1, phase: 5, length: 128)
        _ = try exchange.willReceive(total, from: 1)
        try exchange.didReceive(total, from: 1)
        #expect(exchange.turn == nil)
        #expect(try exchange.willReceive(frame, from: 1) == .later)
        frame.generation = 4
        expectFault(frame, "generation 4", exchange)
    }

    /// Three members in one hop: what a peer sends of the next turn waits for its place, and goes on when that is free.
    @Test func aPlaceInUseIsHeld() throws {
        let plan = try ExchangePlan(
            tree: LaneTree(laneCount: 4), lanes: [0..<2, 2..<3, 3..<4], ownIndex: 0, elementCount: 16, sumCount: 1,
            settings: ExchangeSettings())
        var exchange = Exchange(plan: plan, generation: 3, schedule: TurnSchedule(trialRounds: 2))
        exchange.begin(Turn(.trial, step: 1))
        exchange.bucketReady(0)
        exchange.recordReady(
            ControlRecord(lanes: 0..<2, sums: [1], sampleHash: 0, stateHash: StateHash(high: 0, low: 0)))
        sendAll(&exchange)
        func frame(_ round: UInt32, of member: Int) -> FrameHeader {
            FrameHeader(
                kind: .contribution, generation: 3, step: round, phase: 5, part: UInt16(member), length: 64)
        }
        func receiveRecord(_ round: UInt32, of member: Int) throws {
            let peer = try ExchangePlan(
                tree: plan.tree, lanes: plan.lanes, ownIndex: member, elementCount: 16, sumCount: 1,
                settings: plan.settings)
            let payload = ControlRecord(
                lanes: plan.lanes[member], sums: [1], sampleHash: 0, stateHash: StateHash(high: 0, low: 0)
            ).encoded(by: peer)
            let header = FrameHeader(
                kind: .record, generation: 3, step: round, phase: 5, length: UInt32(payload.count))
            _ = try exchange.willReceive(header, from: member)
            try exchange.didReceiveRecord(payload, header, from: member)
        }
        #expect(try exchange.willReceive(frame(1, of: 1), from: 1) == .staging(floatOffset: 0))
        try exchange.didReceive(frame(1, of: 1), from: 1)
        try receiveRecord(1, of: 1)
        #expect(try exchange.willReceive(frame(2, of: 1), from: 1) == .later)
        #expect(try exchange.willReceive(frame(2, of: 1), from: 1) == .later)
        #expect(actions(&exchange).isEmpty)
        #expect(exchange.waitingFor == [2] && exchange.bucketAwaited(from: 2) == 0)
        _ = try exchange.willReceive(frame(1, of: 2), from: 2)
        try exchange.didReceive(frame(1, of: 2), from: 2)
        let resumed = actions(&exchange).compactMap { if case .resume(let member) = $0 { member } else { nil } }
        #expect(resumed == [1])
        #expect(try exchange.willReceive(frame(2, of: 1), from: 1) == .staging(floatOffset: 0))
        try exchange.didReceive(frame(2, of: 1), from: 1)
        expectFault(frame(2, of: 2), "before the turn ahead", exchange, from: 2)
    }

    /// What comes after a decision has no place before the own judgement is known.
    @Test(arguments: [false, true])
    func theTurnAfterADecisionFollowsTheJudgement(isStopping: Bool) throws {
        let plan = try exchange(own: 0).plan
        let peer = try exchange(own: 1).plan
        let payload = record(of: peer).encoded(by: peer)
        let schedule = TurnSchedule(
            stepsDone: 0, lastStep: 4, evaluationBatches: 0, validation: .init(batches: 1, stepsPerEpoch: 2))
        var exchange = Exchange(plan: plan, generation: 3, schedule: schedule)
        func header(_ turn: Turn) -> FrameHeader {
            FrameHeader(kind: .record, generation: 3, step: turn.step, phase: turn.phase.rawValue, length: 72)
        }
        func finish(_ turn: Turn) throws {
            exchange.begin(turn)
            if turn.hasGradients {
                exchange.bucketReady(0)
                sendAll(&exchange)
                for (kind, part) in [(FrameKind.contribution, 2), (.total, 0)] as [(FrameKind, UInt16)] {
                    for offset in [0, 64] as [UInt64] {
                        let frame = FrameHeader(
                            kind: kind, generation: 3, step: turn.step, part: part, length: 64, offset: offset)
                        _ = try exchange.willReceive(frame, from: 1)
                        try exchange.didReceive(frame, from: 1)
                    }
                }
            }
            exchange.recordReady(record(of: plan))
            _ = try exchange.willReceive(header(turn), from: 1)
            try exchange.didReceiveRecord(payload, header(turn), from: 1)
        }
        for turn in [Turn(.train, step: 1), Turn(.train, step: 2), Turn(.validation, step: 1)] { try finish(turn) }
        let decision = Turn(.decision, step: 2)
        #expect(exchange.turn == decision)
        let follower = isStopping ? Turn(.closing, step: 2) : Turn(.train, step: 3)
        let other = isStopping ? Turn(.train, step: 3) : Turn(.closing, step: 2)
        // A peer may have judged already; nobody can be further.
        _ = try exchange.willReceive(header(decision), from: 1)
        try exchange.didReceiveRecord(payload, header(decision), from: 1)
        for turn in [follower, other] { expectFault(header(turn), "while this worker is in", exchange) }
        exchange.begin(decision, isStopping: isStopping)
        expectFault(header(follower), "before the turn ahead of it", exchange)
        let ahead = exchange
        exchange.recordReady(record(of: plan))
        guard case .finished(decision, _) = actions(&exchange).last else {
            Issue.record("the decision did not finish")
            return
        }
        #expect(exchange.turn == follower)
        expectFault(header(other), "while this worker is in", exchange)
        #expect(try exchange.willReceive(header(follower), from: 1) == .record)
        expectFault(header(other), "while this worker is in", ahead)
    }
}
