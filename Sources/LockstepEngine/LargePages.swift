#if canImport(Darwin)
internal import Darwin
#elseif canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// Large blocks are whole large pages where the system has them: first use and address translation get cheap.
package enum LargePages {
    /// The size of a large page.
    private static let pageBytes = 2 << 20
    /// Smaller blocks stay in ordinary pages.
    private static let leastBytes = 1 << 20

    /// How to ask for a block of so many bytes: at which alignment, and how many to take.
    package static func request(bytes: Int) -> (alignment: Int, bytes: Int) {
        guard bytes >= leastBytes, bytes <= .max - pageBytes else { return (64, bytes) }
        return (pageBytes, (bytes + pageBytes - 1) / pageBytes * pageBytes)
    }

    /// Tells the system about a block of such a request, before it is used.
    package static func advise(_ block: UnsafeMutableRawPointer, bytes: Int) {
        #if os(Linux)
        if bytes >= leastBytes { madvise(block, bytes, 14 /* MADV_HUGEPAGE, which not every C library names */) }
        #endif
    }
}
