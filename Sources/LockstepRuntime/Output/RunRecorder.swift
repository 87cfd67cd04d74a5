internal import LockstepCore
internal import LockstepFormats

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// `metrics.jsonl` of a run directory: a line a step, each step once and in order.
final class RunRecorder: Sendable {
    private let path: String
    private let metrics: Int32

    /// Opens the file. Of a run that goes on after S(`lastStep`) the later steps are cut off, for they will be done
    /// again.
    ///
    /// - Throws: `CommandError` where the file cannot be written.
    init(_ directory: RunDirectory, lastStep: Int) throws(CommandError) {
        path = directory.metrics
        try RunRecorder.cut(path, after: lastStep)
        metrics = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard metrics >= 0 else { throw RunPlacement.cannotWrite(path) }
    }

    deinit { close(metrics) }

    /// Appends a line.
    ///
    /// - Throws: `CommandError` where the system does not take it.
    func append(_ line: JSONValue) throws(CommandError) {
        guard writeAll(line.text + "\n", to: metrics) else { throw RunPlacement.cannotWrite(path) }
    }

    /// Steps come in order, so what is kept is a prefix: whole lines up to the first that is later or damaged.
    private static func cut(_ path: String, after lastStep: Int) throws(CommandError) {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw RunPlacement.cannotWrite(path) }
            return
        }
        defer { close(descriptor) }
        var kept = 0
        var line: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        reading: while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            for byte in buffer[..<count] {
                guard byte == UInt8(ascii: "\n") else {
                    line.append(byte)
                    guard line.count < 1 << 20 else { break reading }
                    continue
                }
                guard let value = try? JSONValue(parsing: line), let step = value["step"]?.int, step <= lastStep
                else { break reading }
                kept += line.count + 1
                line = []
            }
        }
        guard ftruncate(descriptor, off_t(kept)) == 0 else { throw RunPlacement.cannotWrite(path) }
    }
}
