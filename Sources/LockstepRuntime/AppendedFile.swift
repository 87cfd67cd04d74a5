internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// A file that lines are appended to from any thread, and that never grows beyond a limit: when it is full it becomes
/// `<path>.1`, in the place of the one before.
final class AppendedFile: Sendable {
    private struct State {
        var descriptor: Int32
        var size: Int
    }

    private let path: String
    private let limit: Int
    private let state: Mutex<State>

    /// nil where the file cannot be opened.
    init?(_ path: String, limit: Int) {
        guard let state = AppendedFile.open(path) else { return nil }
        self.path = path
        self.limit = limit
        self.state = Mutex(state)
    }

    deinit { state.withLock { _ = close($0.descriptor) } }

    /// Appends text. What the system does not take is lost: for a log there is nowhere left to tell it.
    func append(_ text: String) {
        state.withLock { state in
            let count = text.utf8.count
            if state.size > 0, state.size + count > limit { turnOver(&state) }
            writeAll(text, to: state.descriptor)
            state.size += count
        }
    }

    private func turnOver(_ state: inout State) {
        // Where the file cannot be moved it begins again, for the limit counts more.
        if rename(path, path + ".1") != 0 { unlink(path) }
        guard let fresh = AppendedFile.open(path) else { return }
        close(state.descriptor)
        state = fresh
    }

    private static func open(_ path: String) -> State? {
        #if canImport(Glibc)
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        #elseif canImport(Musl)
        let descriptor = Musl.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        #else
        let descriptor = Darwin.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        #endif
        guard descriptor >= 0 else { return nil }
        return State(descriptor: descriptor, size: max(0, Int(lseek(descriptor, 0, SEEK_END))))
    }
}
