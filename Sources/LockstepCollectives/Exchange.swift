/// The all-reduce of one worker on one rail over a whole generation, as a pure core: frames and finished work in, actions
/// out.
///
/// A turn with gradients goes so. When the own gradients of a bucket are complete, contributions go out: in one hop each
/// own root to every member, in two hops slice j of each own root to member j. As soon as all parts of a chunk are there,
/// it is added in tree order, and in two hops its total goes to all. Control records go from all to all on rail 0. The
/// turn is over on this rail when all sums, totals and records are there and the own roots have been read for the last
/// time; a worker's turn is over when it is over on all its rails.
///
/// **A peer is at most one turn ahead.** The frames of a pair come in order. A peer begins turn k+1 when turn k is over on
/// all its rails, so also on this one. For every bucket with a piece here its sum over all members is then with the peer,
/// and whoever made it, had my contribution; on rail 0 it has my record of k. So I have begun k, all my buckets of k are
/// ready and all I have to tell in k is told. A frame of k+2 needs the same of k+1, which I cannot have begun before k was
/// over here. Thus while I am in k, nothing of k+2 is due, on any rail, however far another rail of mine has come. What a
/// peer may send of k+1 meanwhile has these places:
/// - A contribution in two hops finds its staged chunk free: the peer has my totals of k, so my slices of k are summed.
/// - A contribution in one hop may find that the chunk of k still waits for a third member. It is held (`later`), which
///   stops the link but nothing that k needs: all that the peer owes me in k came before it. So of all members those
///   in the earliest turn are never held up, and the held go on when that turn's sum is made.
/// - A total cannot come: it needs my contribution of k+1.
/// - A record has its own slot.
///
/// **Memory is free when it is written.**
/// - Roots are never written here. They may be written by compute threads when `k` is over: their last byte has been read
///   (`didSend`), since in one hop nothing that comes says so.
/// - The total is written only in an active turn and only where the own bucket is ready: the caller begins a turn when
///   nobody reads the total of the turn before. A chunk of the own slice is written when all parts of k+1 are there, so
///   all peers are in k+1 and have read my totals of k.
///
/// Everything else is a fault of the peer and is refused before a byte of it is taken.
///
/// The caller takes `nextAction` until there is none before it asks about another frame, and carries each out before it
/// takes the next; a call that comes in the middle of that only adds to them. So may the frames of a link that reads on
/// inside its `resume`: they are of a turn of which nothing is summed yet. No call allocates in the steady state but those
/// that make or take control records.
package struct Exchange: Sendable {
    /// Where a payload comes from.
    package enum Source: Sendable, Hashable {
        /// A range of the flat gradient of the own root `index`. `didSend` is due when it has been read.
        case root(index: Int, range: Range<Int>)
        /// A range of the flat gradient's total.
        case total(range: Range<Int>)
        /// The payload itself.
        case record([UInt8])
    }

    package enum Action: Sendable {
        /// Send this frame to the member with this index. Frames to a member go out in order.
        case send(to: Int, FrameHeader, Source)
        /// Sum a chunk into the total.
        case reduce(ChunkReduction)
        /// The whole total of this rail's piece of a bucket is there.
        case bucketFinished(Int)
        /// The frame of this member that was put off may be asked about again.
        case resume(member: Int)
        /// The turn is over on this rail. The records, on rail 0, are in roster order. Roots may be written again. The total
        /// may be read, but its memory stays where it is: some of it may still wait for room on a link, until all peers
        /// have finished the turn too.
        case finished(Turn, records: [ControlRecord])
    }

    /// Where the payload of a frame goes.
    package enum Destination: Sendable, Hashable {
        /// Into the staging memory from this float on.
        case staging(floatOffset: Int)
        /// Into the total from this float on.
        case total(floatOffset: Int)
        /// Added to the own root: `total[range] = root[range] + payload`.
        case sum(rootIndex: Int, range: Range<Int>)
        /// Collected, then given to `didReceiveRecord`.
        case record
        /// Nowhere yet. Nothing more is read from this link until `resume`; then the same header is asked about again.
        case later
    }

    package let plan: ExchangePlan
    package let generation: UInt32
    package let schedule: TurnSchedule

    /// The turn in progress, or the next one to begin; nil after the last one.
    package private(set) var turn: Turn?
    /// Whether `turn` has begun.
    package private(set) var isActive = false

    /// The turn after `turn`: what a peer may be in already.
    private(set) var next: Turn?
    var now: ExchangeProgress
    var early: ExchangeProgress
    /// For each member the frame whose payload is on its way.
    var pending: [Pending?]
    /// For each member the bucket that its frame waits for.
    var held: [Int?]
    var heldCount = 0

    private var actions: [Action] = []
    private var actionsTaken = 0

    struct Pending: Sendable {
        let header: FrameHeader
        /// Whether the payload is added on arrival.
        let isSum: Bool
    }

    /// - Parameter plan: of any rail. On rails other than 0 only turns with gradients are begun, and nothing is recorded.
    package init(plan: ExchangePlan, generation: UInt32, schedule: TurnSchedule) {
        self.plan = plan
        self.generation = generation
        self.schedule = schedule
        let first = plan.rail == 0 ? schedule.first : schedule.firstSum
        // A generation never begins with a decision.
        let next = first.flatMap { plan.rail == 0 ? schedule.successor(of: $0) : schedule.nextSum(after: $0) }
        turn = first
        self.next = next
        now = ExchangeProgress(plan, turn: first)
        early = ExchangeProgress(plan, turn: next)
        pending = [Pending?](repeating: nil, count: plan.memberCount)
        held = [Int?](repeating: nil, count: plan.memberCount)
    }

    /// What is to be done next, in order; nil when all is done.
    package mutating func nextAction() -> Action? {
        guard actionsTaken < actions.count else {
            actions.removeAll(keepingCapacity: true)
            actionsTaken = 0
            return nil
        }
        actionsTaken += 1
        return actions[actionsTaken - 1]
    }

    // MARK: Own work

    /// Begins the next turn of the schedule, when the total of the turn before is not read any more. Frames of it that
    /// came early count already.
    ///
    /// - Parameter isStopping: in a decision turn whether training stops, which says what comes after it.
    package mutating func begin(_ turn: Turn, isStopping: Bool = false) {
        precondition(!isActive && turn == self.turn, "turns begin in the order of the schedule")
        precondition(!isStopping || turn.phase == .decision, "only a decision stops training")
        isActive = true
        if turn.phase == .decision {
            // Nothing of the next turn can have come: it is admitted only while this one is active.
            next = schedule.successor(of: turn, isStopping: isStopping)
            early.reset(plan, turn: next)
        }
        finishIfComplete()
    }

    /// The own roots hold the complete gradients of `bucket` and keep them until the turn is over. Once in a turn, in any
    /// order; a bucket without a piece on this rail may be left out.
    package mutating func bucketReady(_ bucket: Int) {
        guard !plan.buckets.ranges[bucket].isEmpty else { return }
        guard let turn, isActive, !now.isReady[bucket] else {
            preconditionFailure("a bucket is complete once in a turn with gradients")
        }
        now.setReady(bucket)
        sendContributions(bucket, turn)
        for chunk in plan.chunks(of: bucket) where now.hasAllParts(chunk) { reduce(chunk, of: bucket, turn) }
        finishIfComplete(bucket)
    }

    /// The own control record of this turn, on rail 0.
    package mutating func recordReady(_ record: ControlRecord) {
        guard let turn, isActive, plan.rail == 0, now.records[plan.ownIndex] == nil else {
            preconditionFailure("a worker records once in a turn, on rail 0")
        }
        now.addRecord(record, of: plan.ownIndex)
        let payload = record.encoded(by: plan)
        let header = FrameHeader(
            kind: .record, generation: generation, step: turn.step, phase: turn.phase.rawValue,
            length: UInt32(payload.count))
        for distance in 1..<max(plan.memberCount, 1) {
            actions.append(.send(to: member(at: distance), header, .record(payload)))
        }
        finishIfComplete()
    }

    /// The payload of a frame that went out has been read for the last time. To be called for every `Source.root`.
    package mutating func didSend(_ header: FrameHeader) {
        guard header.kind == .contribution else { return }
        now.addSent()
        finishIfComplete()
    }

    // MARK: What is missing

    /// The members that this turn still waits for, in roster order.
    package var waitingFor: [Int] {
        guard isActive else { return [] }
        return now.outstanding.indices.filter { $0 != plan.ownIndex && now.outstanding[$0] > 0 }
    }

    /// The first bucket of which this turn lacks something that `member` sends; nil where it lacks at most the record.
    package func bucketAwaited(from member: Int) -> Int? {
        guard let turn, turn.hasGradients, member != plan.ownIndex else { return nil }
        return plan.buckets.ranges.indices.first { bucket in
            let own = 4 * plan.ownRange(of: bucket).count
            return plan.partNumbers[member].contains { now.contributedBytes(bucket: bucket, part: $0) < own }
                || now.totalBytes(bucket: bucket, member: member) < 4 * plan.slice(of: bucket, member: member).count
        }
    }

    // MARK: Steps

    /// Sums a chunk of which all is there, and in two hops sends its total to all.
    mutating func reduce(_ chunk: Int, of bucket: Int, _ turn: Turn) {
        actions.append(.reduce(plan.reduction(ofChunk: chunk, of: bucket)))
        let isTotal = !plan.isOneHop(bucket)
        if isTotal {
            let range = plan.range(ofChunk: chunk, of: bucket)
            let header = header(.total, turn, bucket: bucket, part: 0, range, from: plan.ownRange(of: bucket))
            for distance in 1..<plan.memberCount {
                actions.append(.send(to: member(at: distance), header, .total(range: range)))
            }
        }
        didSum(bucket, isTotal: isTotal)
    }

    mutating func didSum(_ bucket: Int, isTotal: Bool) {
        now.addSum(bucket, isTotal: isTotal)
        guard heldCount > 0, now.isSummed(bucket) else { return }
        for member in held.indices where held[member] == bucket {
            held[member] = nil
            heldCount -= 1
            actions.append(.resume(member: member))
        }
    }

    /// Something of `bucket` came or went.
    mutating func finishIfComplete(_ bucket: Int) {
        if now.isFinished(bucket) { actions.append(.bucketFinished(bucket)) }
        finishIfComplete()
    }

    mutating func finishIfComplete() {
        guard let turn, isActive, now.isComplete else { return }
        actions.append(.finished(turn, records: now.records.compactMap { $0 }))
        isActive = false
        self.turn = next
        if plan.rail == 0 {
            // What comes after a decision is known when it begins.
            next = next.flatMap { $0.phase == .decision ? nil : schedule.successor(of: $0) }
        } else {
            next = next.flatMap { schedule.nextSum(after: $0) }
        }
        swap(&now, &early)
        early.reset(plan, turn: next)
    }

    /// The chunks of all members in turn, so that each has something to sum as early as can be.
    private mutating func sendContributions(_ bucket: Int, _ turn: Turn) {
        var offset = 0
        var isLeft = plan.memberCount > 1
        while isLeft {
            isLeft = false
            for distance in 1..<plan.memberCount {
                let member = member(at: distance)
                let slice = plan.range(of: bucket, summedBy: member)
                guard offset < slice.count else { continue }
                isLeft = true
                let lower = slice.lowerBound + offset
                let range = lower..<min(slice.upperBound, lower + plan.chunkFloats)
                for (index, part) in plan.partNumbers[plan.ownIndex].enumerated() {
                    let header = header(.contribution, turn, bucket: bucket, part: part, range, from: slice)
                    now.addSending()
                    actions.append(.send(to: member, header, .root(index: index, range: range)))
                }
            }
            offset += plan.chunkFloats
        }
    }

    /// Starting behind the own index spreads the first frames of all members over all links.
    private func member(at distance: Int) -> Int { (plan.ownIndex + distance) % plan.memberCount }

    private func header(
        _ kind: FrameKind, _ turn: Turn, bucket: Int, part: Int, _ range: Range<Int>, from slice: Range<Int>
    ) -> FrameHeader {
        FrameHeader(
            kind: kind, generation: generation, step: turn.step, phase: turn.phase.rawValue, bucket: UInt16(bucket),
            part: UInt16(part), length: UInt32(4 * range.count),
            offset: UInt64(4 * (range.lowerBound - slice.lowerBound)))
    }
}
