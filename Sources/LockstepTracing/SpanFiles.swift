package import LockstepCore
internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The span files of a run, one a process, kept by the coordinator. What does not look like lines of spans is left out;
/// the first error of the system is reported once and ends the writing.
package final class SpanFiles: Sendable {
    /// More processes than this get no file.
    static let mostProcesses = 4096

    private struct State {
        // Looked up by the name of a process.
        var files: [String: SpanFile] = [:]
        var isStopped = false
    }

    private let directory: String
    private let limit: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - directory: made with the first line.
    ///   - limit: the most bytes that a process's two files hold together.
    package init(directory: String, limit: Int = 64 << 20) {
        self.directory = directory
        self.limit = limit
    }

    /// Appends lines of a process.
    ///
    /// - Returns: an error to show, once; nothing is written after it, and training goes on.
    package func append(_ lines: [UInt8], of process: String) -> CommandError? {
        guard SpanFiles.isPlausible(lines) else { return nil }
        return state.withLock { state in
            guard !state.isStopped else { return nil }
            do throws(SpanFile.Failure) {
                guard let file = try self.file(of: process, in: &state.files) else { return nil }
                try file.append(lines)
                return nil
            } catch {
                state.isStopped = true
                state.files = [:]
                return .failed(
                    "\(error.path.escapedForDisplay(limit: 1000)): cannot be written: \(error.reason); "
                        + "no more traces are kept, training goes on")
            }
        }
    }

    private func file(of process: String, in files: inout [String: SpanFile]) throws(SpanFile.Failure) -> SpanFile? {
        if let file = files[process] { return file }
        guard files.count < SpanFiles.mostProcesses else { return nil }
        if mkdir(directory, 0o755) != 0, errno != EEXIST {
            throw SpanFile.Failure(path: directory, reason: String(cString: strerror(errno)))
        }
        let stem = "\(directory)/\(SpanFiles.fileName(of: process))"
        let file = try SpanFile(
            path: stem + TraceName.fileSuffix, previousPath: stem + ".previous" + TraceName.fileSuffix, limit: limit)
        files[process] = file
        return file
    }

    /// Whether these are whole lines that begin as span lines do; a peer can send anything.
    private static func isPlausible(_ lines: [UInt8]) -> Bool {
        guard lines.last == UInt8(ascii: "\n") else { return false }
        return lines.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true).allSatisfy { line in
            line.starts(with: #"{"resourceSpans":["#.utf8) && line.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        }
    }

    /// The name itself where it is plain, else its digest.
    private static func fileName(of process: String) -> String {
        let isPlain =
            (1...100).contains(process.utf8.count) && process.utf8.first != UInt8(ascii: ".")
            && process.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
        return isPlain ? process : "process-\(DigestBuilder.digest(of: Array(process.utf8)).description.prefix(16))"
    }
}
