internal import LockstepCluster
internal import LockstepCollectives

/// Puts the shares of S(N), which workers send on their bulk connections, together.
///
/// A share frame names the vector (0: parameters, then the optimizer's, then the numbers beside them) in `bucket` and a
/// range of it in bytes. A worker that owes several shares sends one after the other. So what a worker may send next
/// follows from its shares alone, and every frame is checked before a byte of it is kept.
struct StateCollector: Sendable {
    struct Fault: Error {
        let reason: String
    }

    /// A share, and how much of it has come.
    private struct Share: Sendable {
        let share: CoordinatorAction.StateShare
        let range: Range<Int>
        /// Floats of each vector.
        var received: [Int]
        /// Numbers beside the vectors; the first share has them.
        var missingNumbers: Int

        var missing: Int { received.reduce(missingNumbers) { $0 + range.count - $1 } }
    }

    let step: UInt32
    private(set) var vectors: [FloatMemory]
    /// Beside the vectors: what the job watches, the sums of the epoch.
    private(set) var numbers: [Double] = []
    private let elementCount: Int
    private let numberCount: Int
    /// Those of one worker in the order in which it sends them.
    private var shares: [Share] = []
    private var missing = 0

    init(
        step: UInt32, shares: [CoordinatorAction.StateShare], vectorCount: Int, elementCount: Int, numberCount: Int
    ) {
        self.step = step
        self.elementCount = elementCount
        self.numberCount = numberCount
        vectors = (0..<vectorCount).map { _ in FloatMemory(count: elementCount) }
        expect(shares)
    }

    var isComplete: Bool { missing == 0 }

    /// These shares are to come, as they were asked for. Those that were expected before keep what has come; all others
    /// begin anew.
    mutating func expect(_ expected: [CoordinatorAction.StateShare]) {
        let kept = shares.filter { expected.contains($0.share) }
        let added = expected.filter { share in !kept.contains { $0.share == share } }
        shares =
            kept
            + added.map { share in
                Share(
                    share: share,
                    range: StateShare.range(share.index, of: share.count, elementCount: elementCount),
                    received: Array(repeating: 0, count: vectors.count),
                    missingNumbers: share.index == 0 ? numberCount : 0)
            }
        if added.contains(where: { $0.index == 0 }) { numbers = [] }
        missing = shares.reduce(0) { $0 + $1.missing }
    }

    /// - Parameter payload: little-endian floats, or doubles for the numbers.
    mutating func receive(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer, from name: String) throws(Fault) {
        guard header.kind == .share, header.step == step else {
            throw Fault(
                reason:
                    "\(name) sent a \(header.kind) frame of step \(header.step) where its share of step \(step) was due"
            )
        }
        let vector = Int(header.bucket)
        // It was asked for what it had sent unasked; the second copy says nothing new.
        if shares.contains(where: { $0.share.name == name }),
            shares.allSatisfy({ $0.share.name != name || $0.missing == 0 })
        {
            return
        }
        guard vector <= vectors.count,
            let index = shares.firstIndex(where: { $0.share.name == name && $0.missing > 0 })
        else { throw Fault(reason: "\(name) sent a share that nobody asked for") }
        if vector == vectors.count { return try receiveNumbers(payload, from: name, index) }
        let count = payload.count / 4
        let range = shares[index].range
        let received = shares[index].received[vector]
        guard payload.count.isMultiple(of: 4), count > 0, header.offset == UInt64(received) * 4,
            count <= range.count - received
        else {
            throw Fault(reason: "\(name) sent bytes of its share out of order")
        }
        let lower = range.lowerBound + received
        vectors[vector].bytes(lower..<lower + count).copyMemory(from: payload)
        shares[index].received[vector] += count
        missing -= count
    }

    private mutating func receiveNumbers(
        _ payload: UnsafeRawBufferPointer, from name: String, _ index: Int
    ) throws(Fault) {
        guard shares[index].missingNumbers > 0, payload.count == 8 * numberCount else {
            throw Fault(reason: "\(name) sent numbers that nobody asked for")
        }
        numbers = (0..<numberCount).map {
            Double(bitPattern: UInt64(littleEndian: payload.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)))
        }
        shares[index].missingNumbers = 0
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
