internal import LockstepCore
internal import LockstepWire

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// An identity that travels from a launcher to its worker on standard input, one line of JSON, and never touches the
/// disk. The end of standard input is the launcher's death, and the worker's.
enum IdentityPipe {
    private static let longestLine = 1 << 20

    /// Reads the identity from this process's standard input. Blocks.
    static func read() throws -> Identity {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while line.count < longestLine {
            guard readBytes(STDIN_FILENO, &byte, 1) == 1, byte != UInt8(ascii: "\n") else { break }
            line.append(byte)
        }
        do {
            return try JSONDecoder().decode(Identity.self, from: Data(line))
        } catch let error as CommandError {
            throw error
        } catch {
            throw CommandError.usage(
                "--identity -: no identity came on standard input; 'lockstep train' gives one, otherwise name a directory"
            )
        }
    }

    /// Ends this process, at once, when standard input ends.
    ///
    /// - Throws: `CommandError` where there is no thread to wait for that: this process would outlive its launcher.
    static func dieWithLauncher() throws(CommandError) {
        try DetachedThread.start("lifeline") {
            var bytes = [UInt8](repeating: 0, count: 256)
            while readBytes(STDIN_FILENO, &bytes, bytes.count) > 0 {}
            _exit(ExitCode.failed.rawValue)
        }
    }
}

extension Identity {
    /// What a launcher writes to a worker's standard input.
    var pipeLine: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) + "\n" } ?? "\n"
    }
}

/// `read(2)`, under a name that the functions above do not shadow; goes on after a signal, and waits for a descriptor
/// that does not block.
private func readBytes(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
    while true {
        let taken = read(descriptor, bytes, count)
        if taken >= 0 { return taken }
        switch errno {
        case EINTR: continue
        case EAGAIN: guard waitUntilReady(descriptor, for: Int16(POLLIN)) else { return -1 }
        default: return -1
        }
    }
}
