#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// A plain connection, for peers that know no TLS and no manners. Closed when it is dropped.
final class TCPConnection: Sendable {
    let descriptor: Int32

    init(descriptor: Int32) {
        self.descriptor = descriptor
        // Writing to a peer that has gone is an error here, not a signal.
        signal(SIGPIPE, SIG_IGN)
    }

    /// Connects to a port of 127.0.0.1.
    convenience init(to port: Int) throws {
        self.init(descriptor: try TCPListener.socket())
        var address = TCPListener.loopback(port)
        guard TCPListener.withSocketAddress(&address, { connect(descriptor, $0, $1) }) == 0 else {
            throw Missing("a connection to port \(port): \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    /// - Returns: whether all went out.
    @discardableResult
    func send(_ bytes: some Collection<UInt8>) -> Bool {
        let bytes = Array(bytes)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done) }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    /// What comes next, at most 64 KiB; empty at the end. Blocks.
    func receive() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
            count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
        }
    }

    /// Ends the connection both ways, whoever is reading or writing.
    func abort() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Tells the peer that nothing more comes.
    func finishSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }
}

/// A plain listener on a free port of 127.0.0.1. Closed when it is dropped.
final class TCPListener: Sendable {
    let port: Int
    private let descriptor: Int32

    init() throws {
        let descriptor = try TCPListener.socket()
        self.descriptor = descriptor
        var address = TCPListener.loopback(0)
        guard TCPListener.withSocketAddress(&address, { bind(descriptor, $0, $1) }) == 0, listen(descriptor, 64) == 0
        else { throw Missing("a free port: \(String(cString: strerror(errno)))") }
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(descriptor) }

    /// A port that is free now, and that the system gives to nobody who asks for any: a process may be told to listen there.
    static func freePort() throws -> Int {
        for _ in 0..<1000 {
            let port = Int.random(in: 10_000..<30_000)
            let descriptor = try socket()
            defer { close(descriptor) }
            var address = loopback(port)
            if withSocketAddress(&address, { bind(descriptor, $0, $1) }) == 0 { return port }
        }
        throw Missing("a free port from 10000 to 30000")
    }

    /// The next connection; nil once the listener is shut down. Blocks.
    func accept() -> TCPConnection? {
        #if canImport(Darwin)
        let accepted = Darwin.accept(descriptor, nil, nil)
        #elseif canImport(Musl)
        let accepted = Musl.accept(descriptor, nil, nil)
        #else
        let accepted = Glibc.accept(descriptor, nil, nil)
        #endif
        return accepted < 0 ? nil : TCPConnection(descriptor: accepted)
    }

    /// Ends `accept`.
    func stop() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

    static func socket() throws -> Int32 {
        #if canImport(Darwin)
        let descriptor = Darwin.socket(AF_INET, SOCK_STREAM, 0)
        #elseif canImport(Musl)
        let descriptor = Musl.socket(AF_INET, Int32(SOCK_STREAM), 0)
        #else
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #endif
        guard descriptor >= 0 else { throw Missing("a socket: \(String(cString: strerror(errno)))") }
        // Processes that are started meanwhile must not hold it open.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return descriptor
    }

    static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    static func withSocketAddress(
        _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
