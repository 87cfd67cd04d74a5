internal import NIOCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// A data link whose bytes nobody acknowledges any more breaks, though no reset comes: where a cable or a route is gone. Keep-alive
/// finds that out also where nothing is being sent. A system that refuses keeps its own times.
enum LinkTimeout {
    #if os(Linux)
    private static let milliseconds: CInt = 10_000
    /// Seconds without traffic until the first question, and between questions.
    private static let idle: CInt = 4
    private static let interval: CInt = 2
    #endif

    static func set(on channel: any Channel) {
        #if os(Linux)
        try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { socket in
            func set(_ level: CInt, _ name: CInt, _ value: CInt) {
                var value = value
                _ = setsockopt(socket, level, name, &value, socklen_t(MemoryLayout<CInt>.size))
            }
            set(CInt(IPPROTO_TCP), TCP_USER_TIMEOUT, milliseconds)
            set(SOL_SOCKET, SO_KEEPALIVE, 1)
            set(CInt(IPPROTO_TCP), TCP_KEEPIDLE, idle)
            set(CInt(IPPROTO_TCP), TCP_KEEPINTVL, interval)
        }
        #endif
    }
}
