internal import LockstepCluster
internal import LockstepCore
internal import LockstepFormats

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The run directory's files that are written while a run goes on: `run.json` once, `metrics.jsonl` a line a step.
final class RunRecorder: Sendable {
    let directory: RunDirectory
    private let metrics: Int32

    /// Makes the run directory. An existing one is refused, so that nothing is overwritten.
    ///
    /// - Parameter path: nil for `runs/<job name>/<start time>`.
    /// - Throws: `CommandError.usage`.
    init(path: String?, jobName: String, description: JSONValue) throws(CommandError) {
        let directory = try RunRecorder.make(path: path, jobName: jobName)
        self.directory = directory
        try RunRecorder.write(description.indentedText, to: directory.run)
        metrics = open(directory.metrics, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard metrics >= 0 else { throw RunRecorder.cannotWrite(directory.metrics) }
    }

    deinit { close(metrics) }

    /// Appends a line to `metrics.jsonl`.
    ///
    /// - Throws: `CommandError` where the system does not take it.
    func append(_ line: JSONValue) throws(CommandError) {
        guard writeAll(line.text + "\n", to: metrics) else { throw RunRecorder.cannotWrite(directory.metrics) }
    }

    private static func make(path: String?, jobName: String) throws(CommandError) -> RunDirectory {
        let start = ProcessClock.directoryName()
        guard let given = path else {
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
        var path = given
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw .usage(
                "--run-directory \"\": no directory; name one that does not exist yet, or leave the option out")
        }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex { try makeDirectories(String(path[..<slash])) }
        guard mkdir(path, 0o755) == 0 else {
            guard errno == EEXIST else { throw cannotWrite(path) }
            throw .usage("\(path.escapedForDisplay()): the run directory exists; name another or remove it")
        }
        return try withFolders(RunDirectory(path: path))
    }

    private static func withFolders(_ directory: RunDirectory) throws(CommandError) -> RunDirectory {
        try makeDirectories(directory.logs)
        try makeDirectories(directory.snapshots)
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

    private static func write(_ text: String, to path: String) throws(CommandError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw cannotWrite(path) }
        defer { close(descriptor) }
        guard writeAll(text, to: descriptor) else { throw cannotWrite(path) }
    }

    private static func cannotWrite(_ path: String) -> CommandError {
        .usage(
            "\(path.escapedForDisplay()): cannot be written: \(String(cString: strerror(errno))); name another with --run-directory"
        )
    }
}
