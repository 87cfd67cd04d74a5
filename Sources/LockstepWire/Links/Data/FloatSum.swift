internal import CLockstepKernels

/// Adds a vector that comes in pieces cut anywhere, also inside a float: `into[i] = own[i] + received[i]`.
struct FloatSum {
    // Safe to share: the table is constant. One addition has the same bits in all variants.
    private static nonisolated(unsafe) let kernels = ls_kernels_best()

    private var own: UnsafePointer<Float>
    private var into: UnsafeMutablePointer<Float>
    /// The first bytes of a float whose others have not come.
    private var carry: UInt32 = 0
    private var carriedBytes = 0
    /// Whether all sums so far are finite.
    private(set) var isFinite = true

    init(own: UnsafePointer<Float>, into: UnsafeMutablePointer<Float>) {
        self.own = own
        self.into = into
    }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        if carriedBytes > 0 {
            let missing = rest.prefix(4 - carriedBytes)
            keep(missing)
            rest = rest.dropFirst(missing.count)
            guard carriedBytes == 4 else { return }
            withUnsafeBytes(of: carry) { addWhole($0) }
            carry = 0
            carriedBytes = 0
        }
        let whole = rest.prefix(rest.count & ~3)
        addWhole(UnsafeRawBufferPointer(rebasing: whole))
        keep(rest.dropFirst(whole.count))
    }

    private mutating func addWhole(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, let kernels = FloatSum.kernels else { return }
        let count = bytes.count / MemoryLayout<Float>.stride
        if !kernels.pointee.sum(count, into, own, start) { isFinite = false }
        own += count
        into += count
    }

    private mutating func keep(_ bytes: Slice<UnsafeRawBufferPointer>) {
        withUnsafeMutableBytes(of: &carry) { carry in
            for byte in bytes {
                carry[carriedBytes] = byte
                carriedBytes += 1
            }
        }
    }
}
