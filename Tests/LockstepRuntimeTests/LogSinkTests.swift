import Foundation
import LockstepRuntime
import LockstepTestSupport
import LockstepWireTestSupport
import Logging
import Testing

@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads) struct LogSinkTests {
    /// Two ends of a pipe. Sockets: one that is shut down is so for every process that happens to have it, as those
    /// have for a moment that other tests start meanwhile.
    private func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        #if canImport(Glibc)
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        #else
        try #require(socketpair(AF_UNIX, SOCK_STREAM, 0, &ends) == 0)
        #endif
        return (ends[0], ends[1])
    }

    /// A pipe holds less than this.
    private static let text = String(repeating: "0123456789abcdef", count: 50_000)

    @Test func aFullDescriptorThatDoesNotBlockIsWaitedFor() async throws {
        let ends = try pipe()
        #expect(fcntl(ends.write, F_SETFL, O_NONBLOCK) == 0)
        let writing = Thread.detached {
            let isWritten = writeAll(LogSinkTests.text, to: ends.write)
            shutdown(ends.write, Int32(SHUT_WR))
            close(ends.write)
            return isWritten
        }
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 10_000)
        while true {
            let count = read(ends.read, &buffer, buffer.count)
            guard count > 0 else { break }
            received += buffer[..<count]
        }
        close(ends.read)
        #expect(await writing.first { _ in true } == true)
        #expect(received == Array(LogSinkTests.text.utf8))
    }

    @Test func whatCannotBeWrittenIsTold() throws {
        StandardStreams.prepare()
        let ends = try pipe()
        shutdown(ends.read, Int32(SHUT_RDWR))
        close(ends.read)
        #expect(!writeAll("x", to: ends.write))
        #expect(writeAll("", to: ends.write))
        close(ends.write)
    }

    #if os(Linux)
    @Test func aFileIsClosedWithItsSink() throws {
        let path = FileManager.default.temporaryDirectory.path + "/lockstep-sink-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        // Not by the list of all: that may fail where other tests open and close files meanwhile.
        var isOpen: Bool {
            (0..<10_000).contains {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path
            }
        }
        var sink = LogSink.file(path, level: .trace)
        sink?.write("a line")
        #expect(isOpen)
        sink = nil
        #expect(!isOpen)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "a line\n")
    }
    #endif

    @Test func aSinkCanLeave() {
        let lines = ResultLines()
        let sinks = LogSinks([LogSink(level: .info) { lines.append("first: \($0)") }])
        let number = sinks.insert(LogSink(level: .info) { lines.append("second: \($0)") })
        for sink in sinks.all { sink.write("a") }
        sinks.remove(number)
        sinks.remove(number)
        for sink in sinks.all { sink.write("b") }
        #expect(lines.all == ["first: a", "second: a", "first: b"])
    }

    /// A log has a limit; the newest lines are kept, whole, in two files.
    @Test func aFileTurnsOver() throws {
        let path = FileManager.default.temporaryDirectory.path + "/lockstep-log-\(UUID().uuidString)"
        defer { for file in [path, path + ".1"] { try? FileManager.default.removeItem(atPath: file) } }
        let sink = try #require(LogSink.file(path, level: .info, limit: 100))
        let lines = (0..<50).map { "line number \($0)" }
        for line in lines { sink.write(line) }
        let kept = try [path + ".1", path].flatMap { file -> [String] in
            let text = try String(contentsOfFile: file, encoding: .utf8)
            #expect(text.utf8.count <= 100)
            return text.split(separator: "\n").map(String.init)
        }
        #expect(kept == Array(lines.suffix(kept.count)) && kept.count > 6)
    }
}

extension Thread {
    /// Runs `body` on a thread that may wait, which starts at once: who asks may hold all others.
    fileprivate static func detached<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> AsyncStream<Result>
    {
        let (result, continuation) = AsyncStream.makeStream(of: Result.self)
        Thread.detachNewThread {
            continuation.yield(body())
            continuation.finish()
        }
        return result
    }
}
