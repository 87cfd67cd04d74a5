package import LockstepCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Reads a file line by line within bounded memory.
package enum LineFile {
    static let maximumLineBytes = 1 << 20

    /// - Parameter take: gets each line that is not empty, without its line feed, and whether it had one.
    /// - Returns: how many lines were longer than a line may be, and so left out.
    /// - Throws: a usage error where the file cannot be read.
    package static func read(_ path: String, _ take: (ArraySlice<UInt8>, Bool) -> Void) throws(CommandError) -> Int {
        // Without O_NONBLOCK a pipe in place of the file would hold the process up.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw cannotRead(path, String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw cannotRead(path, "not a regular file")
        }
        var splitter = LineSplitter(maximumLineBytes: maximumLineBytes)
        var chunk = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let count = chunk.withUnsafeMutableBytes { readAgain(descriptor, $0) }
            guard count >= 0 else { throw cannotRead(path, String(cString: strerror(errno))) }
            guard count > 0 else { break }
            splitter.take(chunk[..<count], take)
        }
        splitter.finish(take)
        return splitter.skipped
    }

    private static func cannotRead(_ path: String, _ reason: String) -> CommandError {
        .usage("\(path.escapedForDisplay(limit: 1000)): cannot be read: \(reason); check the path")
    }
}

/// `read`, again where a signal interrupts it.
private func readAgain(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    while true {
        let count = read(descriptor, buffer.baseAddress, buffer.count)
        if count >= 0 || errno != EINTR { return count }
    }
}
