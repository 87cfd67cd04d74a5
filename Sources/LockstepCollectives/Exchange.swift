/// The all-reduce of one worker over a whole generation, as a pure core: frames and finished work in, actions out.
///
/// A turn with gradients goes so. When the own gradients of a bucket are complete, slice j of each own root goes to
/// member j (contributions). When all foreign parts of the own slice are staged and the own roots are complete, they are
/// added in tree order and the sum goes to all (total). Control records go from all to all. The turn is finished when
/// all totals and all records are there.
///
/// **A peer is at most one turn ahead.** To finish turn k+1 a peer needs my record of k+1, which I send in turn k+1.
/// So while I am in turn k, no frame of k+2 can be due. To *begin* k+1 it has finished k: it has my record of k and, for
/// every bucket in which my slice is not empty, my total of k. Hence:
/// - a contribution of k+1 finds its staging area free: my slices of k are summed;
/// - a total of k+1 cannot come early: it needs my contribution of k+1;
/// - a record of k+1 has its own slot;
/// - when I finish k, every peer has all my contributions of k, so the roots may be written again, and it has read my
///   totals before its contributions of k+1 let me write my slice of the total again.
/// Everything else is a fault of the peer and is refused before a byte of it is taken.
///
/// The caller carries actions out in order; a `reduce` is complete before the next action. It leaves the own slices of
/// the total as they are until the next turn's `reduce`.
package struct Exchange: Sendable {
    /// Where a payload comes from.
    package enum Source: Sendable, Hashable {
        /// A range of the flat gradient of the own root `index`.
        case root(index: Int, range: Range<Int>)
        /// A range of the flat gradient's total.
        case total(range: Range<Int>)
        /// The payload itself.
        case record([UInt8])
    }

    package enum Action: Sendable {
        /// Send this frame to the member with this index.
        case send(to: Int, FrameHeader, Source)
        /// Sum the own slice of a bucket into the total.
        case reduce(SliceReduction)
        /// The turn is complete. The records are in roster order.
        case finished(Turn, records: [ControlRecord])
    }

    /// Where the payload of a frame goes.
    package enum Destination: Sendable, Hashable {
        /// Into the staging memory from this float on.
        case staging(floatOffset: Int)
        /// Into the total from this float on.
        case total(floatOffset: Int)
        /// Collected, then given to `didReceiveRecord`.
        case record
    }

    package let plan: ExchangePlan
    package let generation: UInt32
    package let schedule: TurnSchedule

    /// The turn in progress, or the next one to begin; nil after the last one.
    package private(set) var turn: Turn?
    /// Whether `turn` has begun.
    package private(set) var isActive = false

    /// The turn after `turn`: what a peer may be in already.
    private var next: Turn?
    private var now: ExchangeProgress
    private var early: ExchangeProgress
    /// For each member the frame whose payload is on its way.
    private var pending: [FrameHeader?]

    package init(plan: ExchangePlan, generation: UInt32, schedule: TurnSchedule) {
        self.plan = plan
        self.generation = generation
        self.schedule = schedule
        let first = schedule.first
        turn = first
        // A generation never begins with a decision.
        next = schedule.successor(of: first)
        now = ExchangeProgress(plan, turn: first)
        early = ExchangeProgress(plan, turn: next)
        pending = [FrameHeader?](repeating: nil, count: plan.memberCount)
    }

    // MARK: Own work

    /// Begins the next turn of the schedule. Frames of it that came early count already.
    ///
    /// - Parameter isStopping: in a decision turn whether training stops, which says what comes after it.
    package mutating func begin(_ turn: Turn, isStopping: Bool = false) -> [Action] {
        precondition(!isActive && turn == self.turn, "turns begin in the order of the schedule")
        precondition(!isStopping || turn.phase == .decision, "only a decision stops training")
        isActive = true
        if turn.phase == .decision {
            // Nothing of the next turn can have come: it is admitted only while this one is active.
            next = schedule.successor(of: turn, isStopping: isStopping)
            early.reset(plan, turn: next)
        }
        return []
    }

    /// The own roots hold the complete gradients of `bucket`.
    package mutating func bucketReady(_ bucket: Int) -> [Action] {
        guard let turn, isActive, !now.ready[bucket] else {
            preconditionFailure("a bucket is complete once in a turn with gradients")
        }
        now.ready[bucket] = true
        var actions: [Action] = []
        // Starting behind the own index spreads the first frames of all members over all links.
        for distance in 1..<max(plan.memberCount, 1) {
            let member = (plan.ownIndex + distance) % plan.memberCount
            let slice = plan.slices[bucket][member]
            for (index, part) in plan.partNumbers[plan.ownIndex].enumerated() {
                for chunk in chunks(of: slice) {
                    let header = header(.contribution, turn, bucket: bucket, part: part, chunk: chunk, of: slice)
                    actions.append(.send(to: member, header, .root(index: index, range: chunk)))
                }
            }
        }
        return actions + reduceIfComplete(bucket) + finishIfComplete()
    }

    /// The own control record of this turn.
    package mutating func recordReady(_ record: ControlRecord) -> [Action] {
        guard let turn, isActive, now.records[plan.ownIndex] == nil else {
            preconditionFailure("a worker records once in a turn")
        }
        now.records[plan.ownIndex] = record
        now.outstanding[plan.ownIndex] = 0
        let payload = record.encoded(by: plan)
        var actions: [Action] = []
        for distance in 1..<max(plan.memberCount, 1) {
            let member = (plan.ownIndex + distance) % plan.memberCount
            let header = FrameHeader(
                kind: .record, generation: generation, step: turn.step, phase: turn.phase.rawValue,
                length: UInt32(payload.count))
            actions.append(.send(to: member, header, .record(payload)))
        }
        return actions + finishIfComplete()
    }

    /// The members that this turn still waits for, in roster order.
    package var waitingFor: [Int] {
        guard isActive else { return [] }
        return now.outstanding.indices.filter { $0 != plan.ownIndex && now.outstanding[$0] > 0 }
    }

    // MARK: Frames

    /// Checks a header before a byte of its payload is taken, and says where the payload goes.
    package mutating func willReceive(_ header: FrameHeader, from member: Int) throws(ExchangeFault) -> Destination {
        guard pending.indices.contains(member), member != plan.ownIndex else {
            throw ExchangeFault(member, "is no peer of this worker")
        }
        guard pending[member] == nil else { throw ExchangeFault(member, "began a frame inside another") }
        let destination = try place(of: header, from: member)
        pending[member] = header
        return destination
    }

    /// The whole payload of a contribution or a total is in its place.
    package mutating func didReceive(_ header: FrameHeader, from member: Int) throws(ExchangeFault) -> [Action] {
        let isEarly = try complete(header, from: member)
        let bucket = Int(header.bucket)
        let length = Int(header.length)
        switch header.kind {
        case .contribution:
            // The place was checked against `next` or `turn` when the frame began; a turn that ended since made it current.
            let index = now.contributionIndex(bucket: bucket, part: Int(header.part))
            if isEarly {
                early.contributed[index] += length
                early.awaited[bucket] -= length
                early.outstanding[member] -= length
                return []
            }
            now.contributed[index] += length
            now.awaited[bucket] -= length
            now.outstanding[member] -= length
            return isActive ? reduceIfComplete(bucket) + finishIfComplete() : []
        case .total:
            now.totals[now.totalIndex(bucket: bucket, member: member)] += length
            now.outstanding[member] -= length
            return finishIfComplete()
        default:
            throw ExchangeFault(member, "sent a \(header.kind) where gradients belong")
        }
    }

    /// The whole payload of a control record is there.
    package mutating func didReceiveRecord(
        _ payload: [UInt8], _ header: FrameHeader, from member: Int
    ) throws(ExchangeFault) -> [Action] {
        let isEarly = try complete(header, from: member)
        guard header.kind == .record else {
            throw ExchangeFault(member, "sent a \(header.kind) where a control record belongs")
        }
        let record = try ControlRecord(decoding: payload, from: member, by: plan)
        if isEarly {
            early.records[member] = record
            early.outstanding[member] -= 1
            return []
        }
        now.records[member] = record
        now.outstanding[member] -= 1
        return isActive ? finishIfComplete() : []
    }

    // MARK: Places

    private func place(of header: FrameHeader, from member: Int) throws(ExchangeFault) -> Destination {
        guard header.generation == generation else {
            throw ExchangeFault(member, "sent a frame of generation \(header.generation) in generation \(generation)")
        }
        guard let frameTurn = Turn(header) else { throw ExchangeFault(member, "named unknown phase \(header.phase)") }
        let isEarly: Bool
        if frameTurn == turn {
            isEarly = false
        } else if frameTurn == next, isActive {
            guard now.records[plan.ownIndex] != nil, now.reduced.allSatisfy({ $0 }), now.outstanding[member] == 0 else {
                throw ExchangeFault(member, "sent a frame of \(frameTurn) before the turn ahead of it was complete")
            }
            isEarly = true
        } else {
            throw ExchangeFault(
                member, "sent a frame of \(frameTurn) while this worker is in \(turn.map(\.description) ?? "no turn")")
        }
        switch header.kind {
        case .contribution: return try contributionPlace(of: header, frameTurn, from: member, isEarly ? early : now)
        case .total: return try totalPlace(of: header, frameTurn, from: member, isEarly: isEarly)
        case .record:
            guard (isEarly ? early : now).records[member] == nil else {
                throw ExchangeFault(member, "sent a second control record for \(frameTurn)")
            }
            guard header.bucket == 0, header.part == 0, header.offset == 0,
                Int(header.length) == plan.recordBytes(of: member)
            else {
                throw ExchangeFault(
                    member,
                    "sent a control record of \(header.length) bytes instead of \(plan.recordBytes(of: member))")
            }
            return .record
        default: throw ExchangeFault(member, "sent a \(header.kind) frame on a data link")
        }
    }

    private func contributionPlace(
        of header: FrameHeader, _ frameTurn: Turn, from member: Int, _ progress: borrowing ExchangeProgress
    ) throws(ExchangeFault) -> Destination {
        let bucket = try bucket(of: header, frameTurn, from: member)
        let part = Int(header.part)
        guard plan.partNumbers[member].contains(part) else {
            throw ExchangeFault(member, "contributed part \(part), which it does not own")
        }
        let received = progress.contributed[progress.contributionIndex(bucket: bucket, part: part)]
        try check(header, received: received, of: 4 * plan.ownSlice(of: bucket).count, from: member)
        return .staging(floatOffset: plan.stagingOffset(bucket: bucket, part: part) + received / 4)
    }

    private func totalPlace(
        of header: FrameHeader, _ frameTurn: Turn, from member: Int, isEarly: Bool
    ) throws(ExchangeFault) -> Destination {
        let bucket = try bucket(of: header, frameTurn, from: member)
        guard header.part == 0 else { throw ExchangeFault(member, "sent a total with part \(header.part)") }
        guard !isEarly, now.ready[bucket] else {
            throw ExchangeFault(member, "sent a total of bucket \(bucket) that lacks this worker's contribution")
        }
        let received = now.totals[now.totalIndex(bucket: bucket, member: member)]
        let slice = plan.slices[bucket][member]
        try check(header, received: received, of: 4 * slice.count, from: member)
        return .total(floatOffset: slice.lowerBound + received / 4)
    }

    private func bucket(of header: FrameHeader, _ turn: Turn, from member: Int) throws(ExchangeFault) -> Int {
        guard turn.hasGradients else { throw ExchangeFault(member, "sent gradients for \(turn)") }
        guard header.bucket < plan.buckets.count else {
            throw ExchangeFault(member, "sent bucket \(header.bucket) of \(plan.buckets.count)")
        }
        return Int(header.bucket)
    }

    /// Chunks come in order and have one possible length each, so what came so far says what must come next.
    private func check(
        _ header: FrameHeader, received: Int, of byteCount: Int, from member: Int
    ) throws(ExchangeFault) {
        guard received < byteCount else {
            throw ExchangeFault(
                member, "sent more of bucket \(header.bucket), part \(header.part) than its \(byteCount) bytes")
        }
        guard header.offset == UInt64(received) else {
            throw ExchangeFault(
                member,
                "sent bytes of bucket \(header.bucket), part \(header.part) from \(header.offset) instead of \(received)"
            )
        }
        let expected = min(plan.chunkBytes, byteCount - received)
        guard Int(header.length) == expected else {
            throw ExchangeFault(
                member,
                "sent \(header.length) bytes of bucket \(header.bucket), part \(header.part) instead of \(expected)")
        }
    }

    // MARK: Steps

    /// Ends the frame that `member` had begun.
    ///
    /// - Returns: whether it belongs to the turn after the current one.
    private mutating func complete(_ header: FrameHeader, from member: Int) throws(ExchangeFault) -> Bool {
        guard pending.indices.contains(member), pending[member] == header else {
            throw ExchangeFault(member, "ended a frame that it had not begun")
        }
        pending[member] = nil
        return Turn(header) != turn
    }

    private mutating func reduceIfComplete(_ bucket: Int) -> [Action] {
        guard let turn, now.ready[bucket], now.awaited[bucket] == 0, !now.reduced[bucket] else { return [] }
        now.reduced[bucket] = true
        guard let reduction = plan.reductions[bucket] else { return [] }
        var actions: [Action] = [.reduce(reduction)]
        for distance in 1..<max(plan.memberCount, 1) {
            let member = (plan.ownIndex + distance) % plan.memberCount
            for chunk in chunks(of: reduction.slice) {
                let header = header(.total, turn, bucket: bucket, part: 0, chunk: chunk, of: reduction.slice)
                actions.append(.send(to: member, header, .total(range: chunk)))
            }
        }
        return actions
    }

    private mutating func finishIfComplete() -> [Action] {
        guard let turn, isActive, now.isComplete else { return [] }
        let records = now.records.compactMap { $0 }
        isActive = false
        self.turn = next
        // What comes after a decision is known when it begins.
        next = next.flatMap { $0.phase == .decision ? nil : schedule.successor(of: $0) }
        swap(&now, &early)
        early.reset(plan, turn: next)
        return [.finished(turn, records: records)]
    }

    private func chunks(of range: Range<Int>) -> [Range<Int>] {
        let size = plan.chunkBytes / 4
        return stride(from: range.lowerBound, to: range.upperBound, by: size).map {
            $0..<min($0 + size, range.upperBound)
        }
    }

    private func header(
        _ kind: FrameKind, _ turn: Turn, bucket: Int, part: Int, chunk: Range<Int>, of slice: Range<Int>
    ) -> FrameHeader {
        FrameHeader(
            kind: kind, generation: generation, step: turn.step, phase: turn.phase.rawValue, bucket: UInt16(bucket),
            part: UInt16(part), length: UInt32(4 * chunk.count),
            offset: UInt64(4 * (chunk.lowerBound - slice.lowerBound)))
    }
}
