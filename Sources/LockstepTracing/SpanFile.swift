internal import LockstepCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The span file of a process: OTLP JSON lines, appended with one `write` a call and never synced. Where it would pass
/// half the limit it becomes the previous file, in place of the one before, so that both together stay within the limit
/// and hold the newest lines.
final class SpanFile {
    private let path: String
    private let previousPath: String
    private let limit: Int
    private var descriptor: Int32 = -1
    private var size = 0

    /// - Throws: `Failure` where the file cannot be opened.
    init(path: String, previousPath: String, limit: Int) throws(Failure) {
        self.path = path
        self.previousPath = previousPath
        self.limit = limit
        try open()
    }

    deinit { close(descriptor) }

    /// What the system said.
    struct Failure: Error {
        let path: String
        let reason: String
    }

    /// - Parameter lines: whole lines; more than half the limit at once are left out.
    func append(_ lines: [UInt8]) throws(Failure) {
        guard lines.count <= limit / 2 else { return }
        if size + lines.count > limit / 2 {
            close(descriptor)
            descriptor = -1
            guard rename(path, previousPath) == 0 else { throw failure }
            try open()
        }
        var written = 0
        while written < lines.count {
            let count = lines[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                let failure = failure
                // Half a line would spoil the file for those who read it.
                ftruncate(descriptor, off_t(size))
                throw failure
            }
            written += count
        }
        size += written
    }

    private func open() throws(Failure) {
        descriptor = openFile(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else { throw failure }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Failure(path: path, reason: "not a regular file") }
        size = Int(status.st_size)
        try cutTornLine()
    }

    /// Cuts what a process that was killed left of its last line.
    private func cutTornLine() throws(Failure) {
        var block = [UInt8](repeating: 0, count: 64 << 10)
        var end = size
        while end > 0 {
            let start = max(0, end - block.count)
            let count = pread(descriptor, &block, end - start, off_t(start))
            guard count == end - start else { throw failure }
            if let newline = block[..<count].lastIndex(of: UInt8(ascii: "\n")) {
                end = start + newline + 1
                break
            }
            end = start
        }
        guard end < size else { return }
        guard ftruncate(descriptor, off_t(end)) == 0 else { throw failure }
        size = end
    }

    private var failure: Failure { Failure(path: path, reason: String(cString: strerror(errno))) }
}

/// `open`, under a name that no method hides.
private func openFile(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 { open(path, flags, mode) }
