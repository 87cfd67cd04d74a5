internal import LockstepEngine

/// Floats at an address that is a multiple of 64 bytes, zero at first, freed with this object.
// Safe: the pointer never changes; who may touch the floats when is the owner's affair.
final class FloatMemory: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Float>
    let count: Int

    init(count: Int) {
        self.count = count
        let bytes = max(64, count * MemoryLayout<Float>.stride)
        let request = LargePages.request(bytes: bytes)
        let raw = UnsafeMutableRawPointer.allocate(byteCount: request.bytes, alignment: request.alignment)
        LargePages.advise(raw, bytes: request.bytes)
        pointer = raw.initializeMemory(as: Float.self, repeating: 0, count: bytes / MemoryLayout<Float>.stride)
    }

    deinit { UnsafeMutableRawPointer(pointer).deallocate() }

    func bytes(_ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "a range inside the memory")
        return UnsafeMutableRawBufferPointer(
            start: pointer + range.lowerBound, count: range.count * MemoryLayout<Float>.stride)
    }
}

// Numbers beside the vectors of a state, as they travel: two floats for each.
extension FloatMemory {
    convenience init(_ numbers: [Double]) {
        self.init(count: 2 * numbers.count)
        let bytes = self.bytes(0..<count)
        for (index, number) in numbers.enumerated() {
            bytes.storeBytes(of: number.bitPattern.littleEndian, toByteOffset: 8 * index, as: UInt64.self)
        }
    }

    var numbers: [Double] {
        let bytes = UnsafeRawBufferPointer(self.bytes(0..<count))
        return (0..<count / 2).map {
            Double(bitPattern: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)))
        }
    }
}
