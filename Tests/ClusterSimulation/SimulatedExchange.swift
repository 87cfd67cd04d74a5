import LockstepCluster
import LockstepCollectives
import LockstepCore

/// The real exchange of one member over real memory, whose numbers say what they were made of.
///
/// A lane's gradient has the same floats in every block of 16: 4^lane, so that a sum names its lanes and how often each
/// came; then the generation and a number of turn and state, and their squares. A sum over n lanes of one generation has n
/// times both, and no other has.
final class SimulatedExchange {
    enum Payload {
        case gradients([Float])
        case record([UInt8])
    }

    static let sumCount = 2
    private static let block = Buckets.alignment

    let plan: ExchangePlan
    var core: Exchange
    private let roots: [UnsafeMutablePointer<Float>]
    private let staging: UnsafeMutablePointer<Float>
    private let total: UnsafeMutablePointer<Float>
    private let elementCount: Int

    init(plan: ExchangePlan, generation: UInt32, schedule: TurnSchedule, elementCount: Int) {
        self.plan = plan
        self.elementCount = elementCount
        core = Exchange(plan: plan, generation: generation, schedule: schedule)
        func memory(_ count: Int) -> UnsafeMutablePointer<Float> {
            let memory = UnsafeMutablePointer<Float>.allocate(capacity: max(1, count))
            memory.initialize(repeating: 0, count: max(1, count))
            return memory
        }
        roots = plan.ownRoots.map { _ in memory(elementCount) }
        staging = memory(plan.stagingCount)
        total = memory(elementCount)
    }

    deinit {
        for memory in roots + [staging, total] { memory.deallocate() }
    }

    var bucketCount: Int { plan.buckets.count }

    /// Puts the own gradients of a bucket in their place.
    func compute(_ bucket: Int, mark: Float) {
        for (root, memory) in zip(plan.ownRoots, roots) {
            for element in plan.buckets.ranges[bucket] {
                memory[element] = root.lanes.reduce(0) { $0 + gradient(element, lane: $1, mark) }
            }
        }
    }

    private func gradient(_ element: Int, lane: Int, _ mark: Float) -> Float {
        Self.gradient(element, lane: lane, core.generation, mark)
    }

    private static func gradient(_ element: Int, lane: Int, _ generation: UInt32, _ mark: Float) -> Float {
        let generation = Float(generation % 1000)
        return switch element % block {
        case 0: Float(1 << (2 * lane))
        case 1: generation
        case 2: generation * generation
        case 3: mark
        case 4: mark * mark
        default: 1
        }
    }

    /// The total, as it is applied.
    var applied: [Float] {
        let memory = plan.memberCount == 1 ? roots[0] : total
        return (0..<elementCount).map { memory[$0] }
    }

    /// What is wrong with the total; nil where it is the sum of each lane once, all of this generation, turn and state.
    func objection(mark: Float) -> String? {
        Self.objection(to: applied, lanes: plan.tree.laneCount, generation: core.generation, mark: mark)
    }

    static func objection(to total: [Float], lanes: Int, generation: UInt32, mark: Float) -> String? {
        for element in total.indices {
            let expected = (0..<lanes).reduce(0 as Float) { $0 + gradient(element, lane: $1, generation, mark) }
            guard total[element] != expected else { continue }
            let part = ["lanes", "generation", "generation", "turn or state", "turn or state"]
            let name = element % block < part.count ? part[element % block] : "count"
            return "element \(element) (\(name)) of the sum is \(total[element]) instead of \(expected)"
        }
        return nil
    }

    func reduce(_ chunk: ChunkReduction) { chunk.apply(roots: roots, staging: staging, total: total) }

    /// Reads what a frame carries, when it leaves.
    func payload(_ source: Exchange.Source) -> Payload {
        switch source {
        case .root(let index, let range): .gradients(range.map { roots[index][$0] })
        case .total(let range): .gradients(range.map { total[$0] })
        case .record(let bytes): .record(bytes)
        }
    }

    /// - Returns: false where the frame has no place yet.
    func receive(_ header: FrameHeader, _ payload: Payload, from member: Int) throws(ExchangeFault) -> Bool {
        let destination = try core.willReceive(header, from: member)
        switch (destination, payload) {
        case (.later, _): return false
        case (.record, .record(let bytes)): try core.didReceiveRecord(bytes, header, from: member)
        case (.staging(let offset), .gradients(let floats)):
            for index in floats.indices { staging[offset + index] = floats[index] }
            try core.didReceive(header, from: member)
        case (.total(let offset), .gradients(let floats)):
            for index in floats.indices { total[offset + index] = floats[index] }
            try core.didReceive(header, from: member)
        case (.sum(let root, let range), .gradients(let floats)):
            for (index, element) in range.enumerated() { total[element] = roots[root][element] + floats[index] }
            try core.didReceive(header, from: member)
        default: throw ExchangeFault(member, "sent a payload of another kind")
        }
        return true
    }
}
