import LockstepCollectives
import LockstepCore
import LockstepTestSupport

/// Members that exchange over links in memory. Chance decides who goes next, frame by frame and byte by byte.
///
/// Payloads are read from the sender's memory only when they arrive, and the roots are overwritten as soon as a turn
/// begins: what the core says about memory being free is tested too.
struct ExchangeSimulation {
    /// A deliberately wrong shell. The oracle must notice each of them.
    enum Flaw: CaseIterable {
        case none
        /// Parts are added in an order of chance instead of the tree's.
        case arrivalOrder
        /// One part is left out.
        case droppedPart
        /// A chunk is not written, and the staging memory keeps what an earlier turn left there.
        case staleStaging
        /// The sum over all lanes has another shape than the tree's.
        case anotherTree
        /// One member judges that training stops, or goes on, unlike the others.
        case judgesAlone
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private struct Flight {
        let header: FrameHeader
        let source: Exchange.Source
        var destination: Exchange.Destination?
        var copied = 0
    }

    private struct Member {
        var exchange: Exchange
        var roots: [[Float]]
        var staging: [Float]
        var total: [Float]
        var bucketsReady = 0
        var hasRecorded = false
        var finishedTurns = 0
        var bytesSent = 0
        var framesSent = 0
        /// Greater ones go first more often.
        let eagerness: Int
    }

    let tree: LaneTree
    let schedule: TurnSchedule
    private let flaw: Flaw
    /// The decision that stops training.
    private let stopsAfter: UInt32?
    private let turns: [Turn]
    private let sumCount = 3
    /// For each training step and lane a gradient.
    private let gradients: [[[Float]]]
    /// For each turn and lane its sums.
    private let sums: [[[Double]]]
    private var members: [Member]
    private var links: [[[Flight]]]
    private var random: SeededGenerator
    /// By how many turns a member was ahead of another at most.
    private(set) var greatestLead = 0

    init(
        seed: UInt64, lanes laneCount: Int, workers: Int, buckets: Buckets, schedule: TurnSchedule,
        stopsAfter: UInt32? = nil, flaw: Flaw = .none
    ) throws {
        var random = SeededGenerator(seed: seed)
        let tree = LaneTree(laneCount: laneCount)
        self.tree = tree
        self.schedule = schedule
        self.flaw = flaw
        self.stopsAfter = stopsAfter
        var turns = [schedule.first]
        while let last = turns.last,
            let next = schedule.successor(of: last, isStopping: last.phase == .decision && last.step == stopsAfter)
        { turns.append(next) }
        self.turns = turns
        let trainingSteps = turns.count { $0.hasGradients }
        gradients = (0..<trainingSteps).map { _ in
            (0..<laneCount).map { _ in (0..<buckets.elementCount).map { _ in random.gradient() } }
        }
        sums = turns.map { _ in
            (0..<laneCount).map { _ in (0..<3).map { _ in Double.random(in: -1e9...1e9, using: &random) } }
        }
        // Any cut of the lanes will do, in any order of members.
        let cuts = [0] + (1..<laneCount).shuffled(using: &random).prefix(workers - 1).sorted() + [laneCount]
        let ranges = (0..<workers).map { cuts[$0]..<cuts[$0 + 1] }.shuffled(using: &random)
        members = try ranges.indices.map { index in
            let plan = try ExchangePlan(
                tree: tree, lanes: ranges, ownIndex: index, buckets: buckets, sumCount: 3,
                chunkBytes: 64)
            return Member(
                exchange: Exchange(plan: plan, generation: 7, schedule: schedule),
                roots: plan.ownRoots.map { _ in [Float](repeating: .nan, count: buckets.elementCount) },
                staging: [Float](repeating: .nan, count: plan.stagingCount),
                total: [Float](repeating: .nan, count: buckets.elementCount),
                eagerness: Int.random(in: 1...20, using: &random))
        }
        links = ranges.map { _ in ranges.map { _ in [] } }
        self.random = random
    }

    /// Runs to the end.
    ///
    /// - Throws: `Failure` when a total is not the tree's, when nothing moves any more, or a core refuses a frame.
    mutating func run() throws {
        while true {
            var choices: [(member: Int, peer: Int?)] = []
            for member in members.indices {
                for peer in members.indices where !links[peer][member].isEmpty {
                    choices += Array(repeating: (member, peer), count: members[member].eagerness)
                }
                if canWork(member) { choices += Array(repeating: (member, nil), count: members[member].eagerness) }
            }
            guard let choice = choices.randomElement(using: &random) else { break }
            if let peer = choice.peer {
                try receive(choice.member, from: peer)
            } else {
                try work(choice.member)
            }
            let finished = members.map(\.finishedTurns)
            greatestLead = max(greatestLead, (finished.max() ?? 0) - (finished.min() ?? 0))
        }
        for member in members where member.finishedTurns != turns.count {
            throw Failure(description: "a member stands still in \(String(describing: member.exchange.turn))")
        }
        for member in members {
            let steps = turns.count { $0.hasGradients }
            guard member.bytesSent == steps * member.exchange.plan.gradientBytesPerStep,
                member.framesSent == steps * member.exchange.plan.gradientFramesPerStep
            else { throw Failure(description: "a member sent \(member.bytesSent) bytes, which its plan does not say") }
        }
    }

    // MARK: Own work

    private func canWork(_ index: Int) -> Bool {
        let member = members[index]
        guard let turn = member.exchange.turn else { return false }
        if !member.exchange.isActive { return true }
        return !member.hasRecorded || turn.hasGradients && member.bucketsReady < member.exchange.plan.buckets.count
    }

    private mutating func work(_ index: Int) throws {
        guard let turn = members[index].exchange.turn else { return }
        let plan = members[index].exchange.plan
        if !members[index].exchange.isActive {
            members[index].bucketsReady = 0
            members[index].hasRecorded = false
            if turn.hasGradients {
                for (root, node) in plan.ownRoots.enumerated() {
                    members[index].roots[root] = laneSum(gradients[Int(turn.step) - 1], node)
                }
            }
            var stops = turn.phase == .decision && turn.step == stopsAfter
            if flaw == .judgesAlone, index == 0, turn.phase == .decision { stops.toggle() }
            return try carryOut(members[index].exchange.begin(turn, isStopping: stops), index)
        }
        // The record may go before the gradients, between them or after.
        let canAddBucket = turn.hasGradients && members[index].bucketsReady < plan.buckets.count
        if canAddBucket, members[index].hasRecorded || Int.random(in: 0..<3, using: &random) > 0 {
            let bucket = members[index].bucketsReady
            members[index].bucketsReady += 1
            return try carryOut(members[index].exchange.bucketReady(bucket), index)
        }
        members[index].hasRecorded = true
        try carryOut(members[index].exchange.recordReady(record(of: index, turn)), index)
    }

    private func record(of index: Int, _ turn: Turn) -> ControlRecord {
        let plan = members[index].exchange.plan
        let values = sums[turns.firstIndex(of: turn) ?? 0]
        return ControlRecord(
            lanes: plan.lanes[index], sums: plan.ownRoots.flatMap { laneSum(values, $0) }, sampleHash: UInt64(index),
            stateHash: StateHash(high: UInt64(turn.step), low: 1), askedGeneration: UInt32(index))
    }

    private mutating func carryOut(_ actions: [Exchange.Action], _ index: Int) throws {
        for action in actions {
            switch action {
            case .send(let peer, let header, let source):
                links[index][peer].append(Flight(header: header, source: source))
                if header.kind != .record {
                    members[index].bytesSent += Int(header.length)
                    members[index].framesSent += 1
                }
            case .reduce(let reduction): reduce(reduction, index)
            case .finished(let turn, let records): try check(turn, records, index)
            }
        }
    }

    private mutating func reduce(_ reduction: SliceReduction, _ index: Int) {
        let memory = members[index]
        func pointer(_ values: [Float]) -> UnsafeMutablePointer<Float> {
            let pointer = UnsafeMutablePointer<Float>.allocate(capacity: values.count)
            pointer.initialize(from: values, count: values.count)
            return pointer
        }
        func values(_ pointer: UnsafeMutablePointer<Float>, _ count: Int) -> [Float] {
            defer { pointer.deallocate() }
            return Array(UnsafeBufferPointer(start: pointer, count: count))
        }
        let roots = memory.roots.map(pointer)
        let staging = pointer(memory.staging)
        let total = pointer(memory.total)
        if flaw == .arrivalOrder || flaw == .droppedPart {
            var operands = reduction.operands.map { operand in
                switch operand {
                case .root(let root): roots[root] + reduction.slice.lowerBound
                case .staging(let offset): staging + offset
                }
            }
            if flaw == .arrivalOrder { operands.shuffle(using: &random) } else { operands.removeLast() }
            for place in 0..<reduction.slice.count {
                total[reduction.slice.lowerBound + place] = operands.dropFirst().reduce(operands[0][place]) {
                    $0 + $1[place]
                }
            }
        } else {
            reduction.apply(roots: roots, staging: staging, total: total)
        }
        members[index].roots = zip(roots, memory.roots).map { values($0, $1.count) }
        members[index].staging = values(staging, memory.staging.count)
        members[index].total = values(total, memory.total.count)
    }

    // MARK: Links

    private mutating func receive(_ index: Int, from peer: Int) throws {
        var flight = links[peer][index][0]
        let destination: Exchange.Destination
        if let known = flight.destination {
            destination = known
        } else {
            destination = try members[index].exchange.willReceive(flight.header, from: peer)
            flight.destination = destination
        }
        if case .record(let payload) = flight.source {
            links[peer][index].removeFirst()
            let actions = try members[index].exchange.didReceiveRecord(payload, flight.header, from: peer)
            return try carryOut(actions, index)
        }
        let count = Int(flight.header.length) / 4
        let more = Int.random(in: 1...count, using: &random)
        for element in flight.copied..<min(count, flight.copied + more) {
            let value: Float =
                switch flight.source {
                case .root(let root, let range): members[peer].roots[root][range.lowerBound + element]
                case .total(let range): members[peer].total[range.lowerBound + element]
                case .record: .nan
                }
            switch destination {
            case .staging(let offset):
                // From the second turn on, so that what stays is a number.
                if flaw == .staleStaging, flight.header.step > 1, flight.header.offset > 0 { continue }
                members[index].staging[offset + element] = value
            case .total(let offset): members[index].total[offset + element] = value
            case .record: break
            }
        }
        flight.copied += more
        guard flight.copied >= count else {
            links[peer][index][0] = flight
            return
        }
        links[peer][index].removeFirst()
        try carryOut(members[index].exchange.didReceive(flight.header, from: peer), index)
    }

    // MARK: Oracle

    private mutating func check(_ turn: Turn, _ records: [ControlRecord], _ index: Int) throws {
        guard turn == turns[members[index].finishedTurns] else {
            throw Failure(description: "\(turn) finished out of order")
        }
        members[index].finishedTurns += 1
        if turn.hasGradients {
            let expected = laneSum(gradients[Int(turn.step) - 1], tree.root).map(\.bitPattern)
            guard members[index].total.map(\.bitPattern) == expected else {
                throw Failure(description: "member \(index) has another total in \(turn)")
            }
        }
        let summary = try RecordSummary(records: records, tree: tree, sumCount: sumCount)
        let expected = laneSum(sums[turns.firstIndex(of: turn) ?? 0], tree.root)
        let samples = members.indices.map { UInt64($0) }
        guard summary.totals.map(\.bitPattern) == expected.map(\.bitPattern),
            summary.agreedHash == StateHash(high: UInt64(turn.step), low: 1),
            summary.askedGeneration == UInt32(members.count - 1), summary.sampleHashes == samples
        else { throw Failure(description: "member \(index) has other sums of records in \(turn)") }
    }

    /// The canonical sum of a node, one addition after the other.
    private func laneSum<Value: FloatingPoint>(_ values: [[Value]], _ node: LaneTree.Node) -> [Value] {
        guard node.lanes.count > 1 else { return values[node.lanes.lowerBound] }
        var half = 1
        while half * 2 < node.lanes.count { half *= 2 }
        if flaw == .anotherTree, node.lanes.count == tree.laneCount { half = 1 }
        let middle = node.lanes.lowerBound + half
        let left = laneSum(values, LaneTree.Node(node.lanes.lowerBound..<middle))
        let right = laneSum(values, LaneTree.Node(middle..<node.lanes.upperBound))
        return zip(left, right).map { $0 + $1 }
    }
}
