internal import LockstepCore
internal import LockstepSnapshots
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

    /// Ends this process, at once, when standard input ends. What the launcher has left behind by then is removed.
    ///
    /// - Throws: `CommandError` where there is no thread to wait for that: this process would outlive its launcher.
    static func dieWithLauncher() throws(CommandError) {
        try DetachedThread.start("lifeline") {
            var line: [UInt8] = []
            var byte: UInt8 = 0
            while readBytes(STDIN_FILENO, &byte, 1) == 1 {
                if line.count < longestLine { line.append(byte) }
            }
            if line.popLast() == UInt8(ascii: "\n") { clearUp(String(decoding: line, as: UTF8.self)) }
            _exit(ExitCode.failed.rawValue)
        }
    }
}

extension IdentityPipe {
    /// What a launcher writes to a worker's standard input: the identity, and the run directory that it works in.
    static func lines(_ identity: Identity, _ run: RunDirectory) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        let line = (try? encoder.encode(identity)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        // A path may hold anything but zeros; one with a line feed is not worth an escape.
        return line + "\n" + (run.path.contains("\n") ? "" : run.path + "\n")
    }

    /// A launcher that was killed could not remove its socket. Where the run has another coordinator by now, it is that one's.
    private static func clearUp(_ path: String) {
        let run = RunDirectory(path: path)
        // The system may close the pipe of a dying launcher before it takes the lock back.
        for _ in 0..<20 where access(run.controlSocket, F_OK) == 0 {
            if let lock = try? RunLock(run) {
                unlink(run.controlSocket)
                return lock.release()
            }
            usleep(50_000)
        }
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
