internal import LockstepCollectives
internal import LockstepWire
internal import NIOCore

/// Carries out on the data event loop what the exchange's core decides: frames out, frames in, sums.
final class ExchangeRunner {
    /// What leaves the loop again.
    enum Output: Sendable {
        /// - gradientBytes: payload bytes of contributions and totals that went out in the turn.
        /// - lastMember: who sent the last part of it; nil where nothing was waited for.
        case finished(Turn, records: [ControlRecord], gradientBytes: Int, lastMember: Int?)
        case linkLost(member: Int, reason: String)
    }

    private var core: Exchange
    private let memory: ExchangeMemory
    private let rootPointers: [UnsafeMutablePointer<Float>]
    private var links: [Int: DataLinkHandler] = [:]
    private var recordBuffers: [UnsafeMutableRawBufferPointer]
    private let output: (Output) -> Void
    /// Payload bytes of contributions and totals handed to links in this turn.
    private var gradientBytes = 0
    /// The member whose frame was the last to complete since the turn began here.
    private var lastMember: Int?

    init(core: Exchange, memory: ExchangeMemory, output: @escaping (Output) -> Void) {
        self.core = core
        self.memory = memory
        self.output = output
        rootPointers = memory.roots.map(\.pointer)
        recordBuffers = (0..<core.plan.memberCount).map {
            .allocate(byteCount: core.plan.recordBytes(of: $0), alignment: 8)
        }
    }

    deinit { for buffer in recordBuffers { buffer.deallocate() } }

    /// The members that the turn in progress waits for.
    var waitingFor: [Int] { core.waitingFor }

    func add(_ link: DataLinkHandler, to member: Int) { links[member] = link }

    /// Starts a turn whose own part is complete.
    func run(_ turn: Turn, record: ControlRecord, isStopping: Bool) {
        lastMember = nil
        perform(core.begin(turn, isStopping: isStopping))
        if turn.hasGradients {
            for bucket in 0..<core.plan.buckets.count { perform(core.bucketReady(bucket)) }
        }
        perform(core.recordReady(record))
    }

    private func perform(_ actions: [Exchange.Action]) {
        for action in actions {
            switch action {
            case .send(let member, let header, let source):
                guard let link = links[member] else { continue }
                switch source {
                case .root(let index, let range):
                    gradientBytes += Int(header.length)
                    link.send(header, payload: UnsafeRawBufferPointer(memory.roots[index].bytes(range)))
                case .total(let range):
                    gradientBytes += Int(header.length)
                    link.send(header, payload: UnsafeRawBufferPointer(memory.total.bytes(range)))
                case .record(let payload):
                    link.send(header, bytes: payload)
                }
            case .reduce(let reduction):
                reduction.apply(roots: rootPointers, staging: memory.staging.pointer, total: memory.total.pointer)
            case .finished(let turn, let records):
                output(.finished(turn, records: records, gradientBytes: gradientBytes, lastMember: lastMember))
                gradientBytes = 0
            }
        }
    }

    // MARK: Frames from a member

    /// Where the payload of a frame goes.
    func willReceive(_ header: FrameHeader, from member: Int) throws -> UnsafeMutableRawBufferPointer {
        let count = Int(header.length) / MemoryLayout<Float>.stride
        switch try core.willReceive(header, from: member) {
        case .staging(let offset): return memory.staging.bytes(offset..<offset + count)
        case .total(let offset): return memory.total.bytes(offset..<offset + count)
        case .record: return recordBuffers[member]
        }
    }

    /// The payload of a frame is complete in its place.
    func didReceive(_ header: FrameHeader, from member: Int) throws {
        lastMember = member
        if header.kind == .record {
            perform(try core.didReceiveRecord(Array(recordBuffers[member]), header, from: member))
        } else {
            perform(try core.didReceive(header, from: member))
        }
    }

    func linkClosed(to member: Int, reason: String) {
        guard links.removeValue(forKey: member) != nil else { return }
        output(.linkLost(member: member, reason: reason))
    }
}
