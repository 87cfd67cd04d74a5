import Foundation
import LockstepCluster
import LockstepCore
import LockstepWire
import Logging
import NIOCore
import Testing

@testable import LockstepRuntime

/// A worker and the ends of its connections to the coordinator.
@Suite(.timeLimit(.minutes(1))) struct WorkerConnectionTests {
    private func welcome() throws -> Welcome {
        let path = FileManager.default.temporaryDirectory.path + "/lockstep-job-\(UUID().uuidString).yaml"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try TestCluster.job.write(toFile: path, atomically: true, encoding: .utf8)
        let job = try PreparedJob(path: path, overrides: [])
        return Welcome(
            runIdentifier: "test", incarnation: 1, clusterName: "test", job: job.encodedSource, files: job.files,
            traceContext: [])
    }

    /// Lets a worker prepare, and does `body` with its bulk link while its control link is open.
    private func withPreparedWorker(
        sinks: LogSinks? = nil,
        _ body: @escaping @Sendable (_ control: ControlLink, _ bulk: ControlLink) async throws -> Void
    ) async throws -> RunOutcome? {
        let coordinator = try await TestCoordinator()
        let worker = try coordinator.worker(sinks: sinks)
        let working = Task { try await worker.run() }
        let (control, _) = try #require(await coordinator.nextLink())
        try control.post(.welcome(try welcome()))
        try await control.run { frames in
            var messages = frames.makeAsyncIterator()
            let first = try await messages.next()?.message()
            guard case .prepared = first else {
                Issue.record("\(String(describing: first))")
                return
            }
            let (bulk, hello) = try #require(await coordinator.nextLink())
            #expect(hello.purpose == .bulk)
            try await body(control, bulk)
            // Until the worker has gone.
            while try await messages.next() != nil {}
        }
        try await working.value
        return worker.outcome
    }

    /// A coordinator that accepts and closes at once is not hammered, and patience ends.
    @Test func aCoordinatorThatClosesAtOnce() async throws {
        let connections = ResultLines()
        let coordinator = try await TestCoordinator { link, _ in
            connections.append("one")
            link.close()
            return true
        }
        let worker = try coordinator.worker(patience: 1)
        try await worker.run()
        #expect(worker.outcome?.exitCode == .temporary)
        #expect(worker.outcome?.message.contains("gave up after 1 s") == true, "\(worker.outcome?.message ?? "")")
        // At once, and after pauses of 0.1, 0.2 and 0.4 s.
        #expect((1...4).contains(connections.all.count))
    }

    @Test func aLostBulkConnectionEndsTheWorker() async throws {
        let sinks = LogSinks([])
        let outcome = try await withPreparedWorker(sinks: sinks) { _, bulk in
            #expect(sinks.all.count == 1)
            bulk.close()
        }
        #expect(outcome?.exitCode == .temporary)
        #expect(outcome?.message == "the bulk connection was lost: the coordinator closed it")
        #expect(sinks.all.isEmpty)
    }

    /// At the end of a run both connections close, and the bulk connection may be the first.
    @Test func releaseCountsMoreThanALostBulkConnection() async throws {
        let sinks = LogSinks([])
        let outcome = try await withPreparedWorker(sinks: sinks) { control, bulk in
            try await bulk.run { _ in }
            // Until the worker has seen it close.
            while !sinks.all.isEmpty { await Task.yield() }
            try control.post(.release(Release(reason: "all done", exitCode: .success)))
        }
        #expect(outcome?.exitCode == .success)
    }

    @Test func aRefusedBulkConnection() async throws {
        let outcome = try await withPreparedWorker { _, bulk in bulk.refuse("another process of that name is here") }
        #expect(outcome?.exitCode == .refused)
        #expect(outcome?.message.contains("another process of that name is here") == true)
    }

    /// The worker answers from its loops, and ends on a word of its coordinator.
    @Test func aPingIsAnswered() async throws {
        let coordinator = try await TestCoordinator()
        let worker = try coordinator.worker()
        let working = Task { try await worker.run() }
        let (control, _) = try #require(await coordinator.nextLink())
        try control.post(.ping(nonce: 77))
        let answer = try await TestCoordinator.first(on: control) { if case .pong = $0 { true } else { false } }
        guard case .pong(let pong) = answer else {
            Issue.record("\(String(describing: answer))")
            return
        }
        #expect(pong.nonce == 77)
        working.cancel()
        try await working.value
        #expect(worker.outcome?.exitCode == .interrupted)
    }
}
