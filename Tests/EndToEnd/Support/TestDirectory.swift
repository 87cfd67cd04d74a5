import LockstepFormats
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// A directory that exists as long as a test. What a test starts runs there.
struct TestDirectory: Sendable {
    let path: String

    /// Runs `body` with a fresh directory, and removes it afterwards. A process that is left there is a failure of its
    /// own.
    static func with(_ body: (TestDirectory) async throws -> Void) async throws {
        let base = FileManager.default.temporaryDirectory.path + "/lockstep-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)
        // As the processes themselves see it, links resolved.
        let path = realpath(base, nil).map { real in
            defer { free(real) }
            return String(cString: real)
        }
        let directory = TestDirectory(path: path ?? base)
        let result: Result<Void, any Error>
        do {
            try await body(directory)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        let left = ProcessTable.processes(in: directory.path)
        for process in left { Signal.send(Signal.kill, to: process.processIdentifier) }
        if case .success = result, !left.isEmpty { Issue.record("processes are left: \(left)") }
        try? FileManager.default.removeItem(atPath: directory.path)
        try result.get()
    }

    subscript(_ name: String) -> String { "\(path)/\(name)" }

    // MARK: Files

    /// Everything in the directory, sorted.
    var contents: [String] {
        ((try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []).sorted()
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        let target = self[name]
        let parent = String(target[..<(target.lastIndex(of: "/") ?? target.startIndex)])
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: target))
    }

    func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

    func bytes(of name: String) throws -> [UInt8] {
        guard let contents = FileManager.default.contents(atPath: self[name]) else {
            throw Missing("\(name) is missing; there are \(self.contents.joined(separator: ", "))")
        }
        return Array(contents)
    }

    func text(of name: String) throws -> String { String(decoding: try bytes(of: name), as: UTF8.self) }

    func json(of name: String) throws -> JSONValue { try JSONValue(parsing: bytes(of: name)) }

    /// The values of a file with one a line.
    func jsonLines(of name: String) throws -> [JSONValue] {
        try text(of: name).split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) }
    }

    func permissions(of name: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: self[name])[.posixPermissions] as? Int
    }

    func setPermissions(_ permissions: Int, of name: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: self[name])
    }

    // MARK: Processes

    /// Starts `lockstep` here.
    func start(_ arguments: [String], environment: [String: String] = [:]) -> RunningProcess {
        RunningProcess(arguments, in: path, environment: environment)
    }

    /// Runs `lockstep` here to its end.
    func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> Outcome {
        try await start(arguments, environment: environment).outcome()
    }

    /// The worker processes that a launcher started here.
    var workers: [ProcessTable.Entry] {
        ProcessTable.processes(in: path).filter { $0.command.contains(" worker ") && $0.command.contains(" --join ") }
    }

    /// The port that these workers were told to join.
    func coordinatorPort() throws -> Int {
        let words = workers.first?.command.split(separator: " ") ?? []
        guard let place = words.firstIndex(of: "--join"), place + 1 < words.count,
            let port = words[place + 1].split(separator: ":").last.flatMap({ Int($0) })
        else { throw Missing("no worker that was told to join") }
        return port
    }

    /// The last of the first `count` lines of a file that contain `text`, as soon as there are so many.
    func line(of path: String, containing text: String, count: Int = 1) async throws -> String {
        let deadline = ContinuousClock.now + RunningProcess.patience
        while true {
            let lines = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
                .split(separator: "\n").filter { $0.contains(text) }
            if lines.count >= count { return String(lines[count - 1]) }
            guard ContinuousClock.now < deadline else {
                throw Missing("\(count) lines with “\(text)” in \(path); there are \(lines.count)")
            }
            // A file tells nobody that it has grown.
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Waits until `condition` holds of what processes have written here.
    func until(_ what: String, _ condition: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + RunningProcess.patience
        while !(try await condition()) {
            guard ContinuousClock.now < deadline else { throw Missing("\(what); there are \(contents)") }
            // Files tell nobody that they have grown.
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Waits until no process runs here any more.
    ///
    /// - Returns: those that are left after `limit`.
    func processesLeft(after limit: Duration) async throws -> [ProcessTable.Entry] {
        let deadline = ContinuousClock.now + limit
        while true {
            let left = ProcessTable.processes(in: path)
            // The system tells nobody but the parent of an end, so there is nothing to wait for.
            if left.isEmpty || ContinuousClock.now > deadline { return left }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
