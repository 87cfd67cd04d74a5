internal import LockstepCluster
internal import LockstepCollectives

/// Puts the shares of S(N), which workers send on their bulk connections, together.
///
/// A share frame names the vector (0: parameters, then the optimizer's, then the numbers beside them) in `bucket` and a
/// range of it in bytes. What a member may send follows from its share alone, so every frame is checked before a byte of
/// it is kept.
struct StateCollector: Sendable {
    struct Fault: Error {
        let reason: String
    }

    let step: UInt32
    private(set) var vectors: [FloatMemory]
    /// Beside the vectors: what the job watches, the sums of the epoch.
    private(set) var numbers: [Double] = []
    private let numberCount: Int
    /// For each member the floats of its share, and for each vector how much of it has come.
    private var shares: [String: (range: Range<Int>, received: [Int])] = [:]
    private var firstMember: String?
    private var missing: Int

    init(
        step: UInt32, shares: [CoordinatorAction.StateShare], vectorCount: Int, elementCount: Int, numberCount: Int
    ) {
        self.step = step
        self.numberCount = numberCount
        vectors = (0..<vectorCount).map { _ in FloatMemory(count: elementCount) }
        missing = numberCount
        for share in shares {
            let range = StateShare.range(share.index, of: share.count, elementCount: elementCount)
            self.shares[share.name] = (range, Array(repeating: 0, count: vectorCount))
            if share.index == 0 { firstMember = share.name }
            missing += range.count * vectorCount
        }
    }

    var isComplete: Bool { missing == 0 }

    /// - Parameter payload: little-endian floats, or doubles for the numbers.
    mutating func receive(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer, from name: String) throws(Fault) {
        guard header.kind == .share, header.step == step else {
            throw Fault(
                reason:
                    "\(name) sent a \(header.kind) frame of step \(header.step) where its share of step \(step) was due"
            )
        }
        let vector = Int(header.bucket)
        if vector == vectors.count { return try receiveNumbers(payload, from: name) }
        guard let share = shares[name], vectors.indices.contains(vector) else {
            throw Fault(reason: "\(name) sent a share that nobody asked for")
        }
        let count = payload.count / 4
        let received = share.received[vector]
        guard payload.count.isMultiple(of: 4), count > 0, header.offset == UInt64(received) * 4,
            count <= share.range.count - received
        else {
            throw Fault(reason: "\(name) sent bytes of its share out of order")
        }
        let lower = share.range.lowerBound + received
        vectors[vector].bytes(lower..<lower + count).copyMemory(from: payload)
        shares[name]?.received[vector] += count
        missing -= count
    }

    private mutating func receiveNumbers(_ payload: UnsafeRawBufferPointer, from name: String) throws(Fault) {
        guard name == firstMember, numbers.isEmpty, payload.count == 8 * numberCount else {
            throw Fault(reason: "\(name) sent numbers that nobody asked for")
        }
        numbers = (0..<numberCount).map {
            Double(bitPattern: UInt64(littleEndian: payload.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)))
        }
        missing -= numberCount
    }
}

/// How the flat state is cut into shares, the same in every process.
enum StateShare {
    /// Bytes of payload in a share frame.
    static let frameBytes = 256 << 10

    static func range(_ index: Int, of count: Int, elementCount: Int) -> Range<Int> {
        Buckets(elementCount: elementCount).slice(of: 0, member: index, of: count)
    }
}
