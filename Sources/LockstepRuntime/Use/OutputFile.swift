package import LockstepCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// A file that a command writes because its user said so; what was there is replaced.
package final class OutputFile: Sendable {
    private let path: String
    private let descriptor: Int32

    /// - Throws: `CommandError.usage` that names the file.
    package init(_ path: String) throws(CommandError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw OutputFile.refusal(path) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    package func append(_ bytes: [UInt8]) throws(CommandError) {
        guard writeAll(bytes, to: descriptor) else { throw OutputFile.refusal(path) }
    }

    package static func write(_ bytes: [UInt8], to path: String) throws(CommandError) {
        try OutputFile(path).append(bytes)
    }

    private static func refusal(_ path: String) -> CommandError {
        .usage("\(path.escapedForDisplay(limit: 1000)): cannot be written: \(String(cString: strerror(errno)))")
    }
}
