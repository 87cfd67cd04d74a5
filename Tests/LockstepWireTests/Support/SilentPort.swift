import LockstepWire
import NIOCore
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A port of this machine at which nobody listens, and nobody else can while this lives.
final class SilentPort: Sendable {
    let address: Endpoint
    private let descriptor: Int32

    init() throws {
        #if canImport(Glibc)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        let wanted = try SocketAddress(ipAddress: "127.0.0.1", port: 0)
        let isBound = wanted.withSockAddr { bind(descriptor, $0, socklen_t($1)) == 0 }
        // An address of its family: the port is in bytes 2 and 3.
        var bytes = [UInt8](repeating: 0, count: 128)
        var length = socklen_t(bytes.count)
        let isKnown = bytes.withUnsafeMutableBytes {
            getsockname(descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, &length) == 0
        }
        self.descriptor = descriptor
        address = Endpoint(host: "127.0.0.1", port: Int(bytes[2]) << 8 | Int(bytes[3]))
        try #require(isBound && isKnown)
    }

    deinit { close(descriptor) }
}
