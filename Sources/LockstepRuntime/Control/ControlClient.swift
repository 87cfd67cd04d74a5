internal import LockstepCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Asks the coordinator of a run directory, by `control.sock`.
enum ControlClient {
    private static let deadline = timeval(tv_sec: 5, tv_usec: 0)
    private static let longestAnswer = 16 << 20

    enum Answer: Sendable, Equatable {
        case line(String)
        /// A coordinator is there, but says nothing: it is stopped, or very busy.
        case silence
        case nobody
    }

    static func ask(_ request: String, of run: RunDirectory) -> Answer {
        // Who ends while it is asked is not silent: by now it is gone, or another one is there.
        attempt(request, of: run) ?? attempt(request, of: run) ?? .silence
    }

    /// - Returns: nil where the other end closed without an answer.
    private static func attempt(_ request: String, of run: RunDirectory) -> Answer? {
        let directory = open(run.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { if directory >= 0 { close(directory) } }
        #if canImport(Glibc)
        let type = Int32(SOCK_STREAM.rawValue)
        #else
        let type = SOCK_STREAM
        #endif
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { return .nobody }
        defer { close(descriptor) }
        var limit = deadline
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        guard connect(descriptor, to: SocketPath.usable(run.controlSocket, directory: directory)) else {
            return .nobody
        }
        guard writeAll(request + "\n", to: descriptor) else { return isLate ? .silence : nil }
        guard let line = line(from: descriptor) else { return isLate ? .silence : nil }
        return .line(line)
    }

    private static func connect(_ descriptor: Int32, to path: String) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                #if canImport(Glibc)
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
                #elseif canImport(Musl)
                Musl.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
                #else
                Darwin.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
                #endif
            }
        }
    }

    /// Whether the last call failed because its time was over.
    private static var isLate: Bool { errno == EAGAIN || errno == EWOULDBLOCK }

    /// - Returns: nil where none comes; `errno` is 0 where the other end has closed.
    private static func line(from descriptor: Int32) -> String? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < longestAnswer {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count == 0 { errno = 0 }
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
            if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
                return String(validating: bytes[..<end], as: UTF8.self)
            }
        }
        return nil
    }
}
