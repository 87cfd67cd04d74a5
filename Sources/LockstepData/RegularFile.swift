package import LockstepCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Reads whole files.
package enum RegularFile {
    struct Failure: Error {
        let reason: String
    }

    /// Reads a file that the user of this process named.
    ///
    /// - Throws: a usage error that names the file and what is wrong with it.
    package static func read(_ path: String, shownAs name: String, maximumBytes: Int = 8 << 30) throws(CommandError)
        -> [UInt8]
    {
        let shown = name.escapedForDisplay()
        // Without O_NONBLOCK a pipe in place of the file would hold the process up.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            let reason = String(cString: strerror(errno))
            let place = path == name ? "" : " at \(path.escapedForDisplay(limit: 1000))"
            throw .usage("\(shown): cannot be opened\(place): \(reason); check the path")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .usage(
                status.st_mode & S_IFMT == S_IFDIR
                    ? "\(shown): it is a directory; name a file, or write a / behind it where directories can stand"
                    : "\(shown): not a regular file; name a file")
        }
        guard status.st_size <= maximumBytes else {
            throw .usage("\(shown): it has \(status.st_size) bytes; the limit is \(maximumBytes)")
        }
        do {
            return try contents(of: descriptor, count: Int(status.st_size))
        } catch {
            throw .usage("\(shown): cannot be read: \(error.reason)")
        }
    }

    /// Reads a file, or a directory with all files beneath it, that the user of this process named.
    ///
    /// - Throws: a usage error that names what is wrong with it.
    package static func read(
        _ path: DataPath, at absolutePath: String, limits: DirectoryLimits = DirectoryLimits()
    ) throws(CommandError) -> DataFile {
        switch path {
        case .file(let name):
            return DataFile(
                name: name, bytes: try read(absolutePath, shownAs: name, maximumBytes: limits.maximumBytes))
        case .directory(let name):
            let descriptor = open(absolutePath, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_DIRECTORY)
            guard descriptor >= 0 else {
                throw .usage(
                    "data directory “\(name.escapedForDisplay())”: \(String(cString: strerror(errno))); check the path")
            }
            defer { close(descriptor) }
            // The user's own links may lead anywhere.
            return try DirectoryContents(name: name, path: absolutePath, limits: limits) { _, _ in true }
                .read(descriptor)
        }
    }

    /// Whether a directory lies at `path`; false where nothing does.
    package static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The first `count` bytes behind a descriptor, or fewer where it ends before.
    static func contents(of descriptor: Int32, count: Int) throws(Failure) -> [UInt8] {
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = readAgain(descriptor, buffer.baseAddress.map { $0 + filled }, count - filled)
                if got < 0 { code = errno }
                guard got > 0 else { return }
                filled += got
            }
        }
        guard code == 0 else { throw Failure(reason: String(cString: strerror(code))) }
        return bytes
    }
}

/// `read`, again where a signal interrupts it.
private func readAgain(_ descriptor: Int32, _ buffer: UnsafeMutablePointer<UInt8>?, _ count: Int) -> Int {
    while true {
        let got = read(descriptor, buffer, count)
        if got >= 0 || errno != EINTR { return got }
    }
}
