import LockstepCollectives
import LockstepCore
import LockstepTestSupport

/// What a simulated run must come to: gradients and records drawn by chance, and their sums in tree order by a plain
/// loop. Also the memory operations of the simulated shell, where flaws are built in.
final class ExchangeOracle {
    let scenario: ExchangeScenario
    /// All turns in order.
    let turns: [Turn]
    private let tree: LaneTree
    /// For each turn with gradients and each part its sum; then the sum of all parts.
    private var parts: [[[Float]]] = []
    private var totals: [[UInt32]] = []
    /// For each turn and part its sums of a record; then the sums over all.
    private var recordParts: [[[Double]]] = []
    private var recordTotals: [[Double]] = []

    init(_ scenario: ExchangeScenario, plan: ExchangePlan, _ random: inout SeededGenerator) {
        self.scenario = scenario
        tree = plan.tree
        var turns = [scenario.schedule.first]
        while let last = turns.last,
            let next = scenario.schedule.successor(
                of: last, isStopping: last.phase == .decision && last.step == scenario.stopsAfter)
        { turns.append(next) }
        self.turns = turns
        for turn in turns {
            let lanes = turn.hasGradients ? plan.tree.laneCount : 0
            var gradients: [[Float]] = []
            for _ in 0..<lanes {
                gradients.append(
                    [Float](unsafeUninitializedCapacity: scenario.elementCount) { memory, count in
                        count = scenario.elementCount
                        var index = 0
                        while index < count {
                            memory[index] = random.gradient()
                            index += 1
                        }
                    })
            }
            parts.append(lanes == 0 ? [] : plan.parts.map { sum(gradients, $0.node) })
            totals.append(lanes == 0 ? [] : sum(gradients, plan.tree.root).map(\.bitPattern))
            let sums = (0..<plan.tree.laneCount).map { _ in
                (0..<3).map { _ in Double(Int64(bitPattern: random.next())) * 0x1p-40 }
            }
            recordParts.append(plan.parts.map { sum(sums, $0.node) })
            recordTotals.append(sum(sums, plan.tree.root))
        }
    }

    /// The canonical sum of a node, one addition after the other.
    private func sum<Value: FloatingPoint>(_ values: [[Value]], _ node: LaneTree.Node) -> [Value] {
        guard node.lanes.count > 1 else { return values[node.lanes.lowerBound] }
        var half = 1
        while half * 2 < node.lanes.count { half *= 2 }
        if scenario.flaw == .anotherTree, node.lanes.count == tree.laneCount { half = 1 }
        let middle = node.lanes.lowerBound + half
        let left = sum(values, LaneTree.Node(node.lanes.lowerBound..<middle))
        let right = sum(values, LaneTree.Node(middle..<node.lanes.upperBound))
        return [Value](unsafeUninitializedCapacity: left.count) { memory, count in
            count = left.count
            var index = 0
            while index < count {
                memory[index] = left[index] + right[index]
                index += 1
            }
        }
    }

    // MARK: Own work

    /// Writes the own roots' sums of a range of the gradient.
    func compute(_ member: SimulatedMember, turn: Int, _ range: Range<Int>) {
        for (root, part) in member.plan.partNumbers[member.index].enumerated() {
            parts[turn][part].withUnsafeBufferPointer { values in
                guard let start = values.baseAddress else { return }
                (member.roots[root] + range.lowerBound).update(from: start + range.lowerBound, count: range.count)
            }
        }
    }

    func record(of member: SimulatedMember, turn: Int) -> ControlRecord {
        let plan = member.plan
        return ControlRecord(
            lanes: plan.lanes[member.index], sums: plan.partNumbers[member.index].flatMap { recordParts[turn][$0] },
            sampleHash: UInt64(member.index), stateHash: StateHash(high: UInt64(turn), low: 1),
            askedGeneration: UInt32(member.index))
    }

    // MARK: Memory

    /// Puts floats of a frame where they go.
    func write(
        _ frame: SimulatedLink.Frame, _ range: Range<Int>, _ destination: Exchange.Destination,
        _ member: SimulatedMember, staging: UnsafeMutablePointer<Float>
    ) {
        frame.floats.withUnsafeBufferPointer { values in
            guard let start = values.baseAddress else { return }
            switch destination {
            case .staging(let offset):
                // From the second turn with gradients on, so that what stays is a number.
                if scenario.flaw == .staleStaging, Turn(frame.header) != turns[0], frame.header.offset > 0 { return }
                (staging + offset + range.lowerBound).update(from: start + range.lowerBound, count: range.count)
            case .total(let offset):
                (member.total + offset + range.lowerBound).update(from: start + range.lowerBound, count: range.count)
            case .sum(let root, let place):
                let lower = place.lowerBound + range.lowerBound
                ChunkReduction.addPlainly(
                    member.total + lower, member.roots[root] + lower, start + range.lowerBound, range.count)
            case .record, .later: break
            }
        }
    }

    func reduce(
        _ reduction: ChunkReduction, _ member: SimulatedMember, staging: UnsafeMutablePointer<Float>,
        _ random: inout SeededGenerator
    ) {
        switch scenario.flaw {
        case .droppedChunk: if random.below(8) == 0 { return }
        case .droppedPart:
            return reduction.apply(roots: member.roots, staging: staging, total: member.total) { into, left, _, count in
                for index in 0..<count { into[index] = left[index] }
            }
        case .arrivalOrder: return reduceInOrderOfChance(reduction, member, staging, &random)
        default: break
        }
        reduction.apply(roots: member.roots, staging: staging, total: member.total)
    }

    private func reduceInOrderOfChance(
        _ reduction: ChunkReduction, _ member: SimulatedMember, _ staging: UnsafeMutablePointer<Float>,
        _ random: inout SeededGenerator
    ) {
        // The leaves of the additions are the parts: operands that no addition has written before.
        var written = Set<UnsafePointer<Float>>()
        var values: [[Float]] = []
        reduction.apply(roots: member.roots, staging: staging, total: member.total) { into, left, right, count in
            for operand in [left, right] where !written.contains(operand) {
                values.append(Array(UnsafeBufferPointer(start: operand, count: count)))
            }
            written.insert(UnsafePointer(into))
        }
        values.shuffle(using: &random)
        for index in 0..<reduction.range.count {
            member.total[reduction.range.lowerBound + index] = values.dropFirst().reduce(values[0][index]) {
                $0 + $1[index]
            }
        }
    }

    // MARK: Checks

    /// What a member has at the end of a turn.
    func check(_ member: SimulatedMember, turn: Int) throws {
        try checkTotal(member, turn: turn)
        let summary = try RecordSummary(records: member.records, tree: tree, sumCount: 3)
        guard summary.totals.map(\.bitPattern) == recordTotals[turn].map(\.bitPattern),
            summary.agreedHash == StateHash(high: UInt64(turn), low: 1),
            summary.askedGeneration == UInt32(scenario.workers - 1),
            summary.sampleHashes == (0..<scenario.workers).map({ UInt64($0) })
        else {
            throw ExchangeSimulation.Failure(
                description: "member \(member.index) has other sums of records in \(turns[turn])")
        }
    }

    /// A bucket's total as soon as it is said to be there.
    func check(_ member: SimulatedMember, _ range: Range<Int>) throws {
        try checkTotal(member, turn: member.finishedTurns, range)
    }

    func checkTotal(_ member: SimulatedMember, turn: Int) throws {
        try checkTotal(member, turn: turn, 0..<totals[turn].count)
    }

    private func checkTotal(_ member: SimulatedMember, turn: Int, _ range: Range<Int>) throws {
        var index = range.lowerBound
        while index < range.upperBound {
            guard member.total[index].bitPattern == totals[turn][index] else {
                throw ExchangeSimulation.Failure(
                    description: "member \(member.index) has another total at \(index) in \(turns[turn])")
            }
            index += 1
        }
    }
}
