package import LockstepCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Finds the run directory that a command is about.
package enum RunLocator {
    /// The run directory that the user named, or the one that was started last beneath `runs/`.
    ///
    /// - Throws: `CommandError.usage` where there is none.
    package static func find(_ given: String?) throws(CommandError) -> RunDirectory {
        guard var path = given else { return try newest() }
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        let run = RunDirectory(path: path)
        guard isRun(run) else {
            throw .usage(
                "\(path.escapedForDisplay(limit: 1000)): no run directory (it has no run.json); name one, such as runs/<job>/latest"
            )
        }
        return run
    }

    /// Run directories are named for the time of their start.
    private static func newest() throws(CommandError) -> RunDirectory {
        let candidates = directoryNames("runs").compactMap { name -> (time: String, path: String)? in
            let latest = RunDirectory(path: "runs/\(name)/latest")
            guard isRun(latest) else { return nil }
            // The run itself: its place does not change when another begins.
            guard let real = realpath(latest.path, nil) else { return nil }
            defer { free(real) }
            let path = String(cString: real)
            return (path.split(separator: "/").last.map(String.init) ?? "", relative(path))
        }
        guard let run = candidates.max(by: { $0.time < $1.time }) else {
            throw .usage("no run beneath runs/; name a run directory, or train a job first")
        }
        return RunDirectory(path: run.path)
    }

    private static func isRun(_ run: RunDirectory) -> Bool { access(run.run, F_OK) == 0 }

    private static func directoryNames(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    }

    /// `path` as seen from the current directory, where it lies beneath.
    private static func relative(_ path: String) -> String {
        guard let here = getcwd(nil, 0) else { return path }
        defer { free(here) }
        let prefix = String(cString: here) + "/"
        return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
    }
}
