internal import LockstepCollectives

/// Where the payload of the frame in progress goes, and how much of it has come.
struct FramePlace {
    private enum Kind {
        case memory(UnsafeMutableRawBufferPointer)
        case sum(FloatSum)
    }

    private var kind: Kind
    private let length: Int
    private var filled = 0

    /// - Returns: nil for a frame that is held.
    /// - Parameter sender: begins the sentence where the frame does not fit.
    init?(_ destination: FrameDestination, _ header: FrameHeader, sender: String) throws(LinkError) {
        length = Int(header.length)
        switch destination {
        case .memory(let memory):
            guard memory.count == length else {
                throw .violation("\(sender) sent a frame of \(length) bytes where \(memory.count) are due")
            }
            kind = .memory(memory)
        case .sum(let own, let into):
            guard length % MemoryLayout<Float>.stride == 0 else {
                throw .violation("\(sender) sent a frame of \(length) bytes where floats are due")
            }
            kind = .sum(FloatSum(own: own, into: into))
        case .hold:
            return nil
        }
    }

    var isFilled: Bool { filled == length }

    /// Whether all sums are finite; true for what was no sum.
    var isFinite: Bool {
        if case .sum(let sum) = kind { sum.isFinite } else { true }
    }

    /// Takes what is missing from the front of `bytes`.
    ///
    /// - Returns: how many bytes were taken.
    mutating func fill(_ bytes: UnsafeRawBufferPointer) -> Int {
        let count = min(length - filled, bytes.count)
        let piece = UnsafeRawBufferPointer(rebasing: bytes[..<count])
        switch kind {
        case .memory(let memory):
            UnsafeMutableRawBufferPointer(rebasing: memory[filled..<filled + count]).copyMemory(from: piece)
        case .sum(var sum):
            sum.add(piece)
            kind = .sum(sum)
        }
        filled += count
        return count
    }
}
