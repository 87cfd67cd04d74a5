package import LockstepCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Reads the span files of a run. The files may hold anything: what is no span is counted and left out, and memory is
/// bounded by the limits.
package struct TraceReader: Sendable {
    package struct Limits: Sendable {
        package var spans = 2_000_000
        package var files = 10_000

        package init() {}
    }

    /// Only spans of these steps, and spans without a step.
    package var steps: ClosedRange<UInt32>?
    package var limits = Limits()

    package init(steps: ClosedRange<UInt32>? = nil) { self.steps = steps }

    /// Reads all span files of a directory, in the order of their names.
    ///
    /// - Throws: a usage error where the directory or a file cannot be read, or there is no span file.
    package func read(directory: String) throws(CommandError) -> Trace {
        let names = try fileNames(directory)
        guard !names.isEmpty else {
            throw .usage(
                "\(directory.escapedForDisplay(limit: 1000)): there are no traces; train with `traces` not off, or name another run"
            )
        }
        var lines = TraceLineReader(steps: steps, limit: limits.spans)
        for name in names {
            let path = "\(directory)/\(name)"
            lines.trace.notes.files += 1
            let skipped = try LineFile.read(path) { line, isWhole in
                if !lines.take(line), isWhole { lines.trace.notes.brokenLines += 1 }
            }
            lines.trace.notes.brokenLines += skipped
        }
        return lines.finished
    }

    private func fileNames(_ directory: String) throws(CommandError) -> [String] {
        guard let stream = opendir(directory) else {
            guard errno != ENOENT else { return [] }
            throw .usage(
                "\(directory.escapedForDisplay(limit: 1000)): cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let name, name.hasSuffix(TraceName.fileSuffix), names.count < limits.files else { continue }
            names.append(name)
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
