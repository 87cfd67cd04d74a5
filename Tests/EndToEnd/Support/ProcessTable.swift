#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The processes of this machine, as Linux shows them under `/proc`.
enum ProcessTable {
    struct Entry: Sendable, Hashable, CustomStringConvertible {
        let processIdentifier: Int32
        let command: String

        var description: String { "\(processIdentifier): \(command)" }
    }

    #if os(Linux)
    static let isAvailable = true
    #else
    static let isAvailable = false
    #endif

    /// The living processes whose current directory is `directory`, which their children inherit.
    static func processes(in directory: String) -> [Entry] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { name in
            // What has ended but is not yet collected has no directory any more.
            guard let number = Int32(name),
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(name)/cwd")) == directory
            else { return nil }
            let words = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") ?? Data()
            return Entry(
                processIdentifier: number,
                command: words.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }.joined(separator: " "))
        }
    }

    /// Whether the process was stopped by a signal.
    static func isStopped(_ processIdentifier: Int32) -> Bool {
        let text = FileManager.default.contents(atPath: "/proc/\(processIdentifier)/stat") ?? Data()
        // The state follows the name, which is in parentheses and may hold anything.
        return String(decoding: text, as: UTF8.self).split(separator: ")").last?.hasPrefix(" T") == true
    }

    /// The most memory, in MiB, that the process has had resident; nil where it is gone.
    static func peakMemory(of processIdentifier: Int32) -> Int? {
        let status = FileManager.default.contents(atPath: "/proc/\(processIdentifier)/status") ?? Data()
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line.flatMap { Int($0.filter(\.isNumber)) }.map { $0 / 1024 }
    }
}
