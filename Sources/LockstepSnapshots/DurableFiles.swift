internal import LockstepCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The few things that snapshots ask of a file system. Errors name the path and the system's reason.
enum DurableFiles {
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Creates a directory, unless it exists, and makes its name durable.
    static func createDirectory(_ path: String) throws(CommandError) {
        guard mkdir(path, 0o755) == 0 else {
            if errno == EEXIST { return }
            throw failure(path, errno)
        }
        let parent = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        try synchronizeDirectory(parent.isEmpty ? (path.utf8.first == UInt8(ascii: "/") ? "/" : ".") : parent)
    }

    /// Removes a directory that holds nothing but some of `files`; one that does not exist is fine.
    static func removeDirectory(_ path: String, files: [String]) throws(CommandError) {
        for name in files where unlink(path + "/" + name) != 0 && errno != ENOENT && errno != ENOTDIR {
            throw failure(path + "/" + name, errno)
        }
        guard rmdir(path) == 0 || errno == ENOENT else { throw failure(path, errno) }
    }

    /// Creates a file that does not exist yet, lets `body` write it piece by piece, and makes it durable.
    static func create(
        _ path: String, _ body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws(CommandError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure(path, errno) }
        defer { close(descriptor) }
        do {
            try body { try write($0, to: descriptor, path) }
        } catch let error as CommandError {
            throw error
        } catch {
            throw .failed("“\(path.escapedForDisplay())”: \(error)")
        }
        guard fsync(descriptor) == 0 else { throw failure(path, errno) }
    }

    static func synchronizeDirectory(_ path: String) throws(CommandError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path, errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(path, errno) }
    }

    static func rename(_ path: String, to target: String) throws(CommandError) {
        #if canImport(Glibc)
        let status = Glibc.rename(path, target)
        #elseif canImport(Musl)
        let status = Musl.rename(path, target)
        #else
        let status = Darwin.rename(path, target)
        #endif
        guard status == 0 else { throw failure(target, errno) }
    }

    /// Whether two directories hold the same bytes in `files`.
    static func areEqual(_ left: String, _ right: String, files: [String]) throws(CommandError) -> Bool {
        for name in files {
            guard exists(right + "/" + name) else { return false }
            guard try digest(of: left + "/" + name) == digest(of: right + "/" + name) else { return false }
        }
        return true
    }

    private static func digest(of path: String) throws(CommandError) -> Digest {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path, errno) }
        defer { close(descriptor) }
        var builder = DigestBuilder()
        var piece = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let got = piece.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw failure(path, errno) }
            guard got > 0 else { return builder.finalize() }
            piece.withUnsafeBytes { builder.update(UnsafeRawBufferPointer(rebasing: $0[..<got])) }
        }
    }

    private static func write(
        _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String
    ) throws(CommandError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest)
            #if canImport(Glibc)
            let done = Glibc.write(descriptor, piece.baseAddress, piece.count)
            #elseif canImport(Musl)
            let done = Musl.write(descriptor, piece.baseAddress, piece.count)
            #else
            let done = Darwin.write(descriptor, piece.baseAddress, piece.count)
            #endif
            if done < 0, errno == EINTR { continue }
            guard done >= 0 else { throw failure(path, errno) }
            rest = rest.dropFirst(done)
        }
    }

    private static func failure(_ path: String, _ code: Int32) -> CommandError {
        .failed("“\(path.escapedForDisplay())”: \(String(cString: strerror(code)))")
    }
}
