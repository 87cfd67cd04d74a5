package import LockstepCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The one directory from which a process reads data. What a coordinator names is opened beneath it or not at all.
package struct DataDirectory: Sendable {
    /// As the user wrote it.
    package let root: String
    private let realRoot: String
    private let maximumBytes: Int

    /// - Parameter maximumBytes: larger files are refused.
    package init(root: String, maximumBytes: Int = 8 << 30) throws(CommandError) {
        guard let realRoot = DataDirectory.realPath(root) else {
            let reason = String(cString: strerror(errno))
            throw .usage("data directory “\(root.escapedForDisplay())”: \(reason); name an existing one with --data")
        }
        self.root = root
        self.realRoot = realRoot
        self.maximumBytes = maximumBytes
    }

    /// Reads a whole file that lies beneath the directory, links resolved.
    ///
    /// - Parameters:
    ///   - name: the path as the job gives it. A relative one is looked for beneath the directory.
    ///   - absolutePath: where the file lay for the author of the job, tried next.
    /// - Throws: a usage error that names the file.
    package func read(name: String, absolutePath: String? = nil) throws(CommandError) -> [UInt8] {
        try firstFound(name: name, absolutePath: absolutePath) { (path) throws(CommandError) in
            try attempt(path, name: name)
        }
    }

    private func firstFound<Contents>(
        name: String, absolutePath: String?, _ attempt: (String) throws(CommandError) -> Outcome<Contents>
    ) throws(CommandError) -> Contents {
        var isOutside = false
        for path in [name.utf8.first == UInt8(ascii: "/") ? name : realRoot + "/" + name, absolutePath] {
            guard let path, !name.isEmpty, !path.utf8.contains(0) else { continue }
            switch try attempt(path) {
            case .read(let contents): return contents
            case .isOutside: isOutside = true
            case .isMissing: break
            }
        }
        let shown = root.escapedForDisplay()
        throw isOutside
            ? refusal(
                name, "lies outside the data directory “\(shown)”; copy it there or name its directory with --data")
            : refusal(
                name, "there is no such file beneath the data directory “\(shown)”; name its directory with --data")
    }

    /// Reads a file, or a directory with all files beneath it, that lies beneath the directory, links resolved.
    ///
    /// - Parameter absolutePath: as for `read(name:absolutePath:)`.
    /// - Throws: a usage error that names what is wrong with it.
    package func read(_ path: DataPath, absolutePath: String? = nil) throws(CommandError) -> DataFile {
        switch path {
        case .file(let name):
            DataFile(name: name, bytes: try read(name: name, absolutePath: absolutePath))
        case .directory(let name):
            try contents(name: name, absolutePath: absolutePath)
        }
    }

    private func contents(name: String, absolutePath: String?) throws(CommandError) -> DataFile {
        try firstFound(name: name, absolutePath: absolutePath) { (path) throws(CommandError) in
            let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_DIRECTORY)
            guard descriptor >= 0 else { return try outcome(ofOpening: path, name: name, code: errno) }
            defer { close(descriptor) }
            guard leadsInside(path, to: descriptor) else { return .isOutside }
            let contents = DirectoryContents(
                name: name, path: path, limits: DirectoryLimits(maximumBytes: maximumBytes)
            ) { path, descriptor in leadsInside(path, to: descriptor) }
            return .read(try contents.read(descriptor))
        }
    }

    private enum Outcome<Contents> {
        case read(Contents)
        case isMissing
        case isOutside
    }

    private func attempt(_ path: String, name: String) throws(CommandError) -> Outcome<[UInt8]> {
        // Without O_NONBLOCK a pipe in place of the file would hold the process up.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { return try outcome(ofOpening: path, name: name, code: errno) }
        defer { close(descriptor) }
        guard leadsInside(path, to: descriptor) else { return .isOutside }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw refusal(name, String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw refusal(name, "it is not a regular file") }
        guard status.st_size <= maximumBytes else {
            throw refusal(name, "it has \(status.st_size) bytes; the limit is \(maximumBytes)")
        }
        do {
            return .read(try RegularFile.contents(of: descriptor, count: Int(status.st_size)))
        } catch {
            throw refusal(name, error.reason)
        }
    }

    /// What a path that cannot be opened means.
    private func outcome<Contents>(
        ofOpening path: String, name: String, code: Int32
    ) throws(CommandError) -> Outcome<Contents> {
        if code == ENOENT { return .isMissing }
        if let real = DataDirectory.realPath(path) {
            guard isBeneath(real) else { return .isOutside }
            throw refusal(name, code == ENOTDIR ? "it is not a directory" : String(cString: strerror(code)))
        }
        if code == ENOTDIR { return .isMissing }
        throw refusal(name, String(cString: strerror(code)))
    }

    /// Whether what was opened lies beneath the root. The path is judged after opening, and must still lead to what was
    /// opened: a link that changes in between gains nothing.
    private func leadsInside(_ path: String, to descriptor: Int32) -> Bool {
        var status = stat()
        var named = stat()
        guard fstat(descriptor, &status) == 0, let real = DataDirectory.realPath(path), isBeneath(real),
            stat(real, &named) == 0
        else { return false }
        return named.st_dev == status.st_dev && named.st_ino == status.st_ino
    }

    private func isBeneath(_ path: String) -> Bool {
        path.utf8.starts(with: (realRoot == "/" ? realRoot : realRoot + "/").utf8)
    }

    private func refusal(_ name: String, _ reason: String) -> CommandError {
        .usage("data file “\(name.escapedForDisplay())”: \(reason)")
    }

    private static func realPath(_ path: String) -> String? {
        guard !path.utf8.contains(0), let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }
}
