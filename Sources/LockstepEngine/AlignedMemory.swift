internal import LockstepCore

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// A block of floats at a multiple of 64 bytes, zero at first, that belongs to one owner.
final class AlignedMemory {
    let count: Int
    let floats: UnsafeMutablePointer<Float>

    /// - Throws: `CommandError.failed` where the machine has no such memory.
    init(count: Int, purpose: String) throws {
        let (bytes, overflow) = max(count, FlatLayout.alignment).multipliedReportingOverflow(by: 4)
        // Large blocks start at a large page, which makes first use and address translation cheap.
        let isLarge = !overflow && bytes >= 4 << 20
        var block: UnsafeMutableRawPointer?
        guard !overflow, posix_memalign(&block, isLarge ? 2 << 20 : 64, bytes) == 0, let block else {
            throw CommandError.failed(
                "not enough memory for \(purpose): \(count) floats; use a smaller model or batch, or fewer threads")
        }
        #if os(Linux)
        if isLarge { madvise(block, bytes, 14 /* MADV_HUGEPAGE, which not every C library names */) }
        #endif
        memset(block, 0, bytes)
        self.count = count
        self.floats = block.bindMemory(to: Float.self, capacity: max(count, FlatLayout.alignment))
    }

    deinit { free(floats) }
}
