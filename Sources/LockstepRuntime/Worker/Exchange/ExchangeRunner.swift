internal import CLockstepKernels
internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepEngine
internal import LockstepWire

/// Carries out what an exchange's core decides on one rail: frames out, frames in, sums.
// Safe: everything is touched on the rail's loop only; a lone worker's, which has no loop, on the driver's thread.
final class ExchangeRunner: @unchecked Sendable {
    let rail: Int
    /// For each bucket whether this rail carries a piece of it.
    let carries: [Bool]
    private var core: Exchange
    private let memory: ExchangeMemory
    private let staging: UnsafeMutablePointer<Float>
    private let rootPointers: [UnsafeMutablePointer<Float>]
    private let times: BucketTimes
    private let kernels: UnsafePointer<ls_kernels>
    /// Told at the end of a turn: what this rail has done, and who sent the last part of it.
    private let finished: @Sendable (Turn, TurnEnd.Part, _ lastMember: Int?) -> Void
    /// The links of each member that is linked.
    private var links: [MemberLinks?]
    private let recordBuffers: [UnsafeMutableRawBufferPointer]
    private var part = TurnEnd.Part()
    /// The member whose frame was the last to complete since the turn began here.
    private var lastMember: Int?
    private var isPerforming = false
    /// The members to whom frames are queued that have not been sent yet.
    private var unsent: [Int] = []
    private var isUnsent: [Bool]

    init(
        core: Exchange, memory: ExchangeMemory, times: BucketTimes, kernels: Kernels,
        finished: @escaping @Sendable (Turn, TurnEnd.Part, _ lastMember: Int?) -> Void
    ) {
        self.core = core
        self.memory = memory
        rail = core.plan.rail
        carries = core.plan.buckets.ranges.map { !$0.isEmpty }
        self.times = times
        self.kernels = kernels.table
        self.finished = finished
        staging = memory.staging[core.plan.rail].pointer
        rootPointers = memory.roots.map(\.pointer)
        links = Array(repeating: nil, count: core.plan.memberCount)
        isUnsent = Array(repeating: false, count: core.plan.memberCount)
        recordBuffers = (0..<core.plan.memberCount).map {
            .allocate(byteCount: core.plan.rail == 0 ? core.plan.recordBytes(of: $0) : 0, alignment: 8)
        }
    }

    deinit { for buffer in recordBuffers { buffer.deallocate() } }

    /// Whether the turn in hand has begun and is not over.
    var isActive: Bool { core.isActive }

    /// The members that the turn in progress waits for.
    var waitingFor: [Int] { core.waitingFor }

    /// What was still due from a member, for messages; nil between turns.
    func due(from member: Int) -> String? {
        guard core.isActive, let turn = core.turn, core.waitingFor.contains(member) else { return nil }
        guard let bucket = core.bucketAwaited(from: member) else { return "the control record of \(turn) was due" }
        return "bucket \(bucket) of \(turn) was due"
    }

    func add(_ links: MemberLinks, of member: Int) { self.links[member] = links }

    func remove(_ member: Int) { links[member] = nil }

    // MARK: Own work

    /// The own roots hold the complete gradients of a bucket. The first of them begins the turn here.
    func bucketReady(_ bucket: Int, in turn: Turn) {
        begin(turn, isStopping: false)
        core.bucketReady(bucket)
        carryOut()
    }

    /// All that this worker has to give in the turn is there.
    ///
    /// - Parameters:
    ///   - isStopping: in a decision turn whether training stops.
    ///   - record: on rail 0.
    ///   - buckets: how many of the buckets, from the first, have not been said to be ready.
    func complete(_ turn: Turn, isStopping: Bool, record: ControlRecord?, buckets: Int) {
        begin(turn, isStopping: isStopping)
        if core.isActive {
            for bucket in 0..<buckets { core.bucketReady(bucket) }
            if rail == 0, let record { core.recordReady(record) }
        }
        carryOut()
    }

    /// A turn begins with the first that there is to say: what others send of it has its place before.
    private func begin(_ turn: Turn, isStopping: Bool) {
        guard !core.isActive, core.turn == turn else { return }
        lastMember = nil
        core.begin(turn, isStopping: isStopping)
    }

    /// What comes about while an action is carried out joins the end of the line. Frames that come about together travel
    /// together.
    private func carryOut() {
        guard !isPerforming else { return }
        isPerforming = true
        repeat {
            while let action = core.nextAction() { perform(action) }
        } while flush()
        isPerforming = false
    }

    /// Sends to the next member what is queued; the last piece of a frame may have consequences (`didSend`).
    ///
    /// - Returns: whether there was one.
    private func flush() -> Bool {
        guard let member = unsent.popLast() else { return false }
        isUnsent[member] = false
        links[member]?.sending?.flush()
        return true
    }

    private func perform(_ action: Exchange.Action) {
        switch action {
        case .send(let member, let header, let source):
            guard let link = links[member]?.sending else { return }
            if !isUnsent[member] {
                isUnsent[member] = true
                unsent.append(member)
            }
            switch source {
            case .root(let index, let range):
                part.gradientBytes += Int(header.length)
                link.send(header, payload: UnsafeRawBufferPointer(memory.roots[index].bytes(range)))
            case .total(let range):
                part.gradientBytes += Int(header.length)
                link.send(header, payload: UnsafeRawBufferPointer(memory.total.bytes(range)))
            case .record(let payload):
                link.send(header, bytes: payload)
            }
        case .reduce(let reduction):
            reduction.apply(roots: rootPointers, staging: staging, total: memory.total.pointer, add: add)
        case .bucketFinished(let bucket):
            times.isSummed(bucket, rail: rail)
        case .resume(let member):
            links[member]?.resume()
        case .finished(let turn, let records):
            var part = part
            part.records = records
            self.part = TurnEnd.Part()
            finished(turn, part, lastMember)
        }
    }

    /// A partial sum that is not finite makes the total so.
    private func add(
        _ into: UnsafeMutablePointer<Float>, _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, _ count: Int
    ) {
        if !kernels.pointee.sum(count, into, left, right) { part.isFinite = false }
    }

    // MARK: Frames from a member

    /// Where the payload of a frame goes.
    func willReceive(_ header: FrameHeader, from member: Int) throws(ExchangeFault) -> FrameDestination {
        let count = Int(header.length) / MemoryLayout<Float>.stride
        switch try core.willReceive(header, from: member) {
        case .staging(let offset):
            return .memory(memory.staging[rail].bytes(offset..<offset + count))
        case .total(let offset):
            return .memory(memory.total.bytes(offset..<offset + count))
        case .sum(let root, let range):
            return .sum(
                own: UnsafePointer(rootPointers[root] + range.lowerBound),
                into: memory.total.pointer + range.lowerBound)
        case .record:
            return .memory(recordBuffers[member])
        case .later:
            return .hold
        }
    }

    /// The payload of a frame is complete in its place, which `willReceive` gave.
    ///
    /// - Parameter sumIsFinite: of a payload that was added on arrival.
    func didReceive(_ header: FrameHeader, from member: Int, sumIsFinite: Bool) throws(ExchangeFault) {
        lastMember = member
        switch header.kind {
        case .record:
            try core.didReceiveRecord(Array(recordBuffers[member]), header, from: member)
        case .total:
            // Still in the cache.
            let count = Int(header.length) / MemoryLayout<Float>.stride
            let start = core.plan.slice(of: Int(header.bucket), member: member).lowerBound + Int(header.offset) / 4
            if !kernels.pointee.all_finite(count, memory.total.pointer + start) { part.isFinite = false }
            try core.didReceive(header, from: member)
        default:
            if !sumIsFinite { part.isFinite = false }
            try core.didReceive(header, from: member)
        }
        carryOut()
    }

    /// The payload of a frame that went out has been read for the last time.
    func didSend(_ header: FrameHeader) {
        core.didSend(header)
        carryOut()
    }
}
