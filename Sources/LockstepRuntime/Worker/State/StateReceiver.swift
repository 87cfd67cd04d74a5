internal import LockstepCollectives

/// Takes the shares of a state that the holders of a roster send over rail 0. What a holder may send, and in which order,
/// follows from the roster, so every frame is checked before a byte of it is taken.
struct StateReceiver {
    struct Fault: Error, Equatable {
        let reason: String
    }

    private struct Share {
        let ranges: [Range<Int>]
        /// Of each range how many floats have come.
        var received: [Int]
    }

    let staged: StagedState
    private let generation: UInt32
    private let step: UInt32
    /// By the holder's place in the roster.
    private var shares: [Int: Share] = [:]
    /// Floats.
    private var missing = 0

    init(_ pieces: StatePieces, into staged: StagedState) {
        self.staged = staged
        generation = pieces.generation
        step = pieces.step
        for (number, holder) in pieces.holders.enumerated() {
            let ranges = pieces.ranges(ofShare: number)
            shares[holder] = Share(ranges: ranges, received: ranges.map { _ in 0 })
            missing += ranges.reduce(0) { $0 + $1.count }
        }
    }

    var isComplete: Bool { missing == 0 }

    /// Where the payload of a frame goes.
    func place(of header: FrameHeader, from member: Int) throws(Fault) -> UnsafeMutableRawBufferPointer {
        guard let share = shares[member] else { throw Fault(reason: "sent a share of a state that it does not hold") }
        guard header.kind == .share, header.generation == generation, header.step == step else {
            throw Fault(
                reason:
                    "sent a \(header.kind) frame of generation \(header.generation), step \(header.step) where its share of step \(step) was due"
            )
        }
        let vector = Int(header.bucket)
        guard header.phase == 0, header.part == 0, share.ranges.indices.contains(vector) else {
            throw Fault(reason: "sent a share of a vector that the state does not have")
        }
        let received = share.received[vector]
        let count = Int(header.length) / 4
        guard header.length.isMultiple(of: 4), count > 0, header.offset == UInt64(4 * received),
            count <= share.ranges[vector].count - received
        else { throw Fault(reason: "sent bytes of its share out of order") }
        let lower = share.ranges[vector].lowerBound + received
        return staged.memory(vector).bytes(lower..<lower + count)
    }

    /// The payload of a frame is complete in its place, which `place` gave.
    mutating func took(_ header: FrameHeader, from member: Int) {
        let count = Int(header.length) / 4
        shares[member]?.received[Int(header.bucket)] += count
        missing -= count
    }
}
