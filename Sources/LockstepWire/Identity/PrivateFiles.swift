internal import LockstepCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// The few file operations that identities need: whole small files, private modes, never over an existing file.
enum PrivateFiles {
    /// Certificates and keys are a few kilobytes; a file beyond this is none.
    static let largestFile = 1 << 20

    /// - Throws: `CommandError` (usage) that names the file.
    static func read(_ path: String) throws(CommandError) -> String {
        String(decoding: try readBytes(path), as: UTF8.self)
    }

    /// - Throws: `CommandError` (usage) that names the file.
    static func readBytes(_ path: String) throws(CommandError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("cannot be read", path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = piece.withUnsafeMutableBytes { unistdRead(descriptor, $0) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("cannot be read", path) }
            if count == 0 { break }
            bytes.append(contentsOf: piece[..<count])
            guard bytes.count <= largestFile else {
                throw .usage("\(shown(path)) is larger than 1 MiB: no file of an identity or an authority is")
            }
        }
        return bytes
    }

    /// Tells one state of a file from another.
    struct Mark: Sendable, Equatable {
        private let device: UInt64
        private let inode: UInt64
        private let size: Int64
        /// Nanoseconds, of the contents and of everything.
        private let times: [Int64]

        fileprivate init(_ status: stat) {
            device = UInt64(truncatingIfNeeded: status.st_dev)
            inode = UInt64(truncatingIfNeeded: status.st_ino)
            size = Int64(status.st_size)
            #if canImport(Darwin)
            let (modified, changed) = (status.st_mtimespec, status.st_ctimespec)
            #else
            let (modified, changed) = (status.st_mtim, status.st_ctim)
            #endif
            times = [modified, changed].flatMap { [Int64($0.tv_sec), Int64($0.tv_nsec)] }
        }
    }

    /// nil where nothing is there that could be looked at.
    static func mark(of path: String) -> Mark? {
        var status = stat()
        return stat(path, &status) == 0 ? Mark(status) : nil
    }

    /// The permission bits of `path` (0o600, say), or nil when it cannot be looked at.
    static func mode(of path: String) -> UInt32? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return UInt32(status.st_mode) & 0o777
    }

    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// Makes `path` and what is missing above it, private to this user.
    static func makeDirectory(_ path: String) throws(CommandError) {
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += (made.isEmpty || made.hasSuffix("/") ? "" : "/") + part
            guard mkdir(made, 0o700) == 0 || errno == EEXIST else { throw failure("cannot be created", made) }
        }
    }

    /// Writes beside, syncs, then takes the name: a reader sees the whole file or none, and an existing one stays.
    static func create(_ path: String, _ text: String, mode: UInt32) throws(CommandError) {
        let beside = try writeBeside(path, Array(text.utf8), mode: mode)
        defer { unlink(beside) }
        // A link, unlike a rename, refuses to replace what is already there.
        guard link(beside, path) == 0 else {
            if errno == EEXIST { throw alreadyThere(path) }
            throw failure("cannot be written", path)
        }
    }

    /// Writes beside, syncs, then takes the name: a reader sees the whole old file or the whole new one.
    static func replace(_ path: String, _ bytes: [UInt8], mode: UInt32) throws(CommandError) {
        let beside = try writeBeside(path, bytes, mode: mode)
        guard rename(beside, path) == 0 else {
            defer { unlink(beside) }
            throw failure("cannot be written", path)
        }
        // The name is as durable as the contents.
        let holder = open(directory(of: path), O_RDONLY | O_CLOEXEC)
        guard holder >= 0 else { throw failure("cannot be written", path) }
        let synced = fsync(holder) == 0
        guard close(holder) == 0, synced else { throw failure("cannot be written", path) }
    }

    /// Runs `body` while no other process does so for the same directory.
    static func withLock<Result>(
        on directory: String, _ body: () throws(CommandError) -> Result
    ) throws(CommandError) -> Result {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("cannot be opened", directory) }
        // Closing gives the lock back.
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { throw failure("cannot be locked", directory) }
        }
        return try body()
    }

    /// - Returns: the path of the new file.
    private static func writeBeside(
        _ path: String, _ bytes: [UInt8], mode: UInt32
    ) throws(CommandError) -> String {
        let beside = "\(path).\(getpid()).new"
        unlink(beside)
        let descriptor = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode_t(mode))
        guard descriptor >= 0 else { throw failure("cannot be created", path) }
        // The process's umask may have taken bits away.
        let written = fchmod(descriptor, mode_t(mode)) == 0 && write(bytes, to: descriptor) && fsync(descriptor) == 0
        guard close(descriptor) == 0, written else {
            defer { unlink(beside) }
            throw failure("cannot be written", path)
        }
        return beside
    }

    static func append(_ line: String, to path: String) throws(CommandError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("cannot be written", path) }
        let written = write(Array((line + "\n").utf8), to: descriptor) && fsync(descriptor) == 0
        guard close(descriptor) == 0, written else { throw failure("cannot be written", path) }
    }

    static func alreadyThere(_ path: String) -> CommandError {
        .usage("\(shown(path)) exists already and is not replaced: choose another directory, or remove it first")
    }

    static func shown(_ path: String) -> String { path.escapedForDisplay(limit: 400) }

    private static func unistdRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        #if canImport(Glibc)
        Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        #elseif canImport(Musl)
        Musl.read(descriptor, buffer.baseAddress, buffer.count)
        #else
        Darwin.read(descriptor, buffer.baseAddress, buffer.count)
        #endif
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        bytes.withUnsafeBytes { all in
            var done = 0
            while done < all.count {
                let rest = UnsafeRawBufferPointer(rebasing: all[done...])
                #if canImport(Glibc)
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                #elseif canImport(Musl)
                let count = Musl.write(descriptor, rest.baseAddress, rest.count)
                #else
                let count = Darwin.write(descriptor, rest.baseAddress, rest.count)
                #endif
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                done += count
            }
            return true
        }
    }

    private static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func failure(_ what: String, _ path: String) -> CommandError {
        .usage("\(shown(path)) \(what): \(String(cString: strerror(errno)))")
    }
}
