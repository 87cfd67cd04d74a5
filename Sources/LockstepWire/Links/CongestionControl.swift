internal import NIOCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// BBR, the default of many systems, paces even between processes of one machine and halves their bandwidth. Reno does
/// not. Only links that never leave the machine are changed, and a system that refuses keeps its own.
package enum CongestionControl {
    /// That of data links which never leave the machine.
    package static let ofLoopback = "reno"

    static func prefer(_ channel: any Channel) {
        #if os(Linux)
        guard let remote = Endpoint(channel.remoteAddress), remote.isLoopback else { return }
        let name = Array(ofLoopback.utf8)
        try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { socket in
            _ = setsockopt(socket, Int32(IPPROTO_TCP), TCP_CONGESTION, name, socklen_t(name.count))
        }
        #endif
    }
}
