#if canImport(Darwin)
internal import Darwin
#elseif canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

package enum ThreadName {
    /// Names the calling thread for tools and logs; the system keeps 15 bytes.
    package static func set(_ name: String) {
        #if canImport(Darwin)
        pthread_setname_np(name)
        #else
        // The C library's function for it is not visible to Swift.
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = Array(name.utf8.prefix(15)).withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        close(file)
        #endif
    }
}
