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
        let request = LargePages.request(bytes: bytes)
        var block: UnsafeMutableRawPointer?
        guard !overflow, posix_memalign(&block, request.alignment, request.bytes) == 0, let block else {
            throw CommandError.failed(
                "not enough memory for \(purpose): \(count) floats; use a smaller model or batch, or fewer threads")
        }
        LargePages.advise(block, bytes: request.bytes)
        memset(block, 0, bytes)
        self.count = count
        self.floats = block.bindMemory(to: Float.self, capacity: max(count, FlatLayout.alignment))
    }

    deinit { free(floats) }
}
