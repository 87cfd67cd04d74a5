internal import LockstepCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Which run directory a coordinator writes into.
package enum RunPlacement: Sendable, Hashable {
    /// A new one; nil for `runs/<job name>/<start time>`. An existing one is refused, so that nothing is overwritten.
    case new(String?)
    /// One that exists; nil for `runs/<job name>/latest`.
    case resume(String?)
    /// A new one, or the one of that name where it exists.
    case newOrResume(String?)

    /// Makes or finds the directory.
    ///
    /// - Returns: whether it was there.
    /// - Throws: `CommandError.usage`.
    func place(jobName: String) throws(CommandError) -> (directory: RunDirectory, exists: Bool) {
        switch self {
        case .new(let path): return (try RunPlacement.make(path, jobName: jobName), false)
        case .resume(let path):
            let given = try path.map(RunPlacement.checked) ?? "runs/\(jobName)/latest"
            let directory = RunDirectory(path: RunPlacement.withoutLink(given))
            guard access(directory.run, F_OK) == 0 else {
                throw .usage(
                    "\(directory.path.escapedForDisplay()): no run to resume (it has no run.json); name its run directory, or leave --resume out"
                )
            }
            return (directory, true)
        case .newOrResume(let path):
            if let path {
                let directory = RunDirectory(path: RunPlacement.withoutLink(try RunPlacement.checked(path)))
                if access(directory.run, F_OK) == 0 { return (directory, true) }
                if isUnbegun(directory) { return (try RunPlacement.withFolders(directory), false) }
            }
            return (try RunPlacement.make(path, jobName: jobName), false)
        }
    }

    /// The run that would be gone on with, where it is there; nothing is made.
    func existing(jobName: String) -> RunDirectory? {
        let place: String?
        switch self {
        case .resume(let path): place = path ?? "runs/\(jobName)/latest"
        case .newOrResume(let path): place = path
        case .new: place = nil
        }
        guard let place, let checked = try? RunPlacement.checked(place) else { return nil }
        let directory = RunDirectory(path: RunPlacement.withoutLink(checked))
        return access(directory.run, F_OK) == 0 ? directory : nil
    }

    /// What a start leaves behind that ended before the run had its `run.json`.
    private func isUnbegun(_ directory: RunDirectory) -> Bool {
        guard let stream = opendir(directory.path) else { return false }
        defer { closedir(stream) }
        let own = [
            ".", "..", directory.lock, directory.logs, directory.snapshots, directory.traces,
            directory.run + RunPlacement.unfinishedSuffix,
        ].compactMap { $0.split(separator: "/").last }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard own.contains(Substring(name)) else { return false }
        }
        return true
    }

    /// Of a file that is renamed when it is whole.
    static let unfinishedSuffix = ".unfinished"

    private static func checked(_ path: String) throws(CommandError) -> String {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw .usage(
                "--run-directory \"\": no directory; name one that does not exist yet, or leave the option out")
        }
        return path
    }

    /// Where a link such as `latest` points now: it may point elsewhere while the run goes on.
    private static func withoutLink(_ path: String) -> String {
        var target = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &target, target.count)
        guard count > 0, count < target.count else { return path }
        let text = String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard !text.hasPrefix("/"), let slash = path.lastIndex(of: "/") else { return text }
        return "\(path[...slash])\(text)"
    }

    private static func make(_ path: String?, jobName: String) throws(CommandError) -> RunDirectory {
        guard let path = try path.map(checked) else { return try makeByTime(jobName: jobName) }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex { try makeDirectories(String(path[..<slash])) }
        guard mkdir(path, 0o755) == 0 else {
            guard errno == EEXIST else { throw cannotWrite(path) }
            throw .usage(
                "\(path.escapedForDisplay()): the run directory exists; name another or remove it, or go on with its run by --resume"
            )
        }
        return try withFolders(RunDirectory(path: path))
    }

    private static func makeByTime(jobName: String) throws(CommandError) -> RunDirectory {
        let start = ProcessClock.directoryName()
        let parent = "runs/\(jobName)"
        try makeDirectories(parent)
        // Two runs may start in one second.
        for attempt in 1...100 {
            let name = attempt == 1 ? start : "\(start)-\(attempt)"
            guard mkdir("\(parent)/\(name)", 0o755) == 0 else {
                guard errno == EEXIST else { throw cannotWrite("\(parent)/\(name)") }
                continue
            }
            link(latest: "\(parent)/latest", to: name)
            return try withFolders(RunDirectory(path: "\(parent)/\(name)"))
        }
        throw cannotWrite(parent)
    }

    private static func withFolders(_ directory: RunDirectory) throws(CommandError) -> RunDirectory {
        for folder in [directory.logs, directory.snapshots, directory.traces] { try makeDirectories(folder) }
        return directory
    }

    private static func makeDirectories(_ path: String) throws(CommandError) {
        var prefix = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            prefix += (prefix.isEmpty || prefix == "/" ? "" : "/") + part
            if mkdir(prefix, 0o755) != 0, errno != EEXIST { throw cannotWrite(prefix) }
        }
    }

    /// The link is a convenience: a file system without links loses only that.
    private static func link(latest: String, to name: String) {
        let temporary = "\(latest).\(getpid())"
        unlink(temporary)
        if symlink(name, temporary) == 0, rename(temporary, latest) != 0 { unlink(temporary) }
    }

    static func cannotWrite(_ path: String) -> CommandError {
        .usage(
            "\(path.escapedForDisplay()): cannot be written: \(String(cString: strerror(errno))); name another with --run-directory"
        )
    }
}
