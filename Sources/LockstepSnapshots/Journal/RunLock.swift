package import LockstepCore
internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The right to write into a run directory: one process at a time has it. The system takes it back when the process
/// ends, however it ends.
package final class RunLock: Sendable {
    private let descriptor: Mutex<Int32?>

    /// - Throws: `temporary` where another process has the lock, in words that say which; `failed` where the system
    ///   refuses.
    package init(_ run: RunDirectory) throws(CommandError) {
        let path = run.lock
        let descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileFault(code: errno, path: path).commandError }
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            if code == EINTR { continue }
            let holder = RunLock.text(in: descriptor)
            close(descriptor)
            guard code == EWOULDBLOCK else { throw FileFault(code: code, path: path).commandError }
            throw CommandError(
                .temporary,
                "another process works in “\(run.path.escapedForDisplay())”"
                    + (holder.isEmpty ? "" : ": \(holder.escapedForDisplay())") + "; end it or name another directory")
        }
        RunLock.write(RunLock.holder(), to: descriptor)
        self.descriptor = Mutex(descriptor)
    }

    deinit { release() }

    /// Gives the lock back before the process ends. The file stays: removing it would let two processes have one each.
    package func release() {
        descriptor.withLock { held in
            guard let descriptor = held else { return }
            _ = ftruncate(descriptor, 0)
            // A process that is just being started may have the descriptor too, until its program begins.
            _ = flock(descriptor, LOCK_UN)
            close(descriptor)
            held = nil
        }
    }

    /// For people who meet the lock: nothing is decided by it.
    private static func holder() -> String {
        var name = [CChar](repeating: 0, count: 256)
        let isNamed = gethostname(&name, name.count - 1) == 0
        let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        let since = String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "process \(getpid())" + (isNamed ? " on \(host)" : "") + " since \(since)"
    }

    private static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        _ = ftruncate(descriptor, 0)
        _ = pwrite(descriptor, bytes, bytes.count, 0)
    }

    private static func text(in descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 400)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}
