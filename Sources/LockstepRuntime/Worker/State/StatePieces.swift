internal import LockstepCluster
internal import LockstepCollectives

/// How a state travels over data links: cut into as many shares as there are holders, each in frames of kind `share`. A frame
/// names the vector in `bucket` (the parameters, the others in order, then the numbers beside them, which travel with the first
/// share) and its place in the share's part of it in `offset`.
struct StatePieces: Sendable {
    let generation: UInt32
    let step: UInt32
    /// Places in the roster, in roster order.
    let holders: [Int]
    let needers: [Int]
    let vectorCount: Int
    let elementCount: Int
    let numberCount: Int

    init(_ roster: Roster, vectorCount: Int, elementCount: Int, numberCount: Int) {
        generation = roster.generation
        step = roster.start.step
        let holds = roster.members.map { roster.holders.contains($0.name) }
        holders = holds.indices.filter { holds[$0] }
        needers = holds.indices.filter { !holds[$0] }
        self.vectorCount = vectorCount
        self.elementCount = elementCount
        self.numberCount = numberCount
    }

    /// What a share has of each vector, in floats; last of the numbers, which count as two each.
    func ranges(ofShare share: Int) -> [Range<Int>] {
        let range = StateShare.range(share, of: holders.count, elementCount: elementCount)
        return Array(repeating: range, count: vectorCount) + [0..<(share == 0 ? 2 * numberCount : 0)]
    }

    /// The frames of a share, in the order in which they are sent: each with its vector and the floats in it.
    func frames(ofShare share: Int) -> [(header: FrameHeader, vector: Int, floats: Range<Int>)] {
        let most = StateShare.frameBytes / MemoryLayout<Float>.stride
        return ranges(ofShare: share).enumerated().flatMap { vector, range in
            stride(from: range.lowerBound, to: range.upperBound, by: most).map { start in
                let floats = start..<min(start + most, range.upperBound)
                let header = FrameHeader(
                    kind: .share, generation: generation, step: step, bucket: UInt16(vector),
                    length: UInt32(4 * floats.count), offset: UInt64(4 * (start - range.lowerBound)))
                return (header, vector, floats)
            }
        }
    }
}
