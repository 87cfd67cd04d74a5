internal import LockstepCore
internal import Logging

/// The log lines that workers send on their bulk connections: each worker's in a file, the last of them for a verdict.
final class WorkerLogs {
    private let directory: RunDirectory
    // Looked up by the name in a certificate.
    private var rings: [String: LineRing] = [:]
    private var files: [String: LogSink] = [:]

    /// More names than this get no file: a roster has fewer.
    private static let mostWorkers = 4096

    init(_ directory: RunDirectory) { self.directory = directory }

    func lastLines(of name: String) -> [String] { rings[name]?.all ?? [] }

    func append(_ line: String, of name: String) {
        if rings[name] == nil {
            guard rings.count < WorkerLogs.mostWorkers else { return }
            rings[name] = LineRing()
            files[name] = LogSink.file(directory.log(of: name), level: .trace)
        }
        let line = line.escapedForDisplay(limit: 2000)
        rings[name]?.append(line)
        files[name]?.write(line)
    }
}
