import Foundation
import LockstepCluster
import LockstepCore
import LockstepEngine
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import Logging
import NIOCore
import Testing

@testable import LockstepRuntime

/// A worker and the ends of its connections to the coordinator.
@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads) struct WorkerConnectionTests {
    private func welcome() throws -> Welcome {
        let path = FileManager.default.temporaryDirectory.path + "/lockstep-job-\(UUID().uuidString).yaml"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try TestCluster.job.write(toFile: path, atomically: true, encoding: .utf8)
        let job = try PreparedJob(path: path, overrides: [])
        return Welcome(
            runIdentifier: "test", incarnation: 2, clusterName: "test", job: job.encodedSource, files: job.files,
            traceContext: [])
    }

    /// Lets a worker prepare, and does `body` with its bulk link while its control link is open.
    private func withPreparedWorker(
        sinks: LogSinks? = nil,
        _ body:
            @escaping @Sendable (_ coordinator: TestCoordinator, _ control: ControlLink, _ bulk: ControlLink)
            async throws
            -> Void
    ) async throws -> RunOutcome? {
        let coordinator = try await TestCoordinator()
        let worker = try coordinator.worker(sinks: sinks)
        let working = Task(executorPreference: OwnThreads.shared) { try await worker.run() }
        let (control, hello) = try #require(await coordinator.nextLink())
        // Another arithmetic is refused by its name, not by what comes of it.
        #expect(hello.version == "\(lockstepVersion) (arithmetic \(Plan.arithmeticVersion))")
        try control.post(.welcome(try welcome()))
        try await control.run { frames in
            var messages = frames.makeAsyncIterator()
            let first = try await messages.next()?.message()
            guard case .prepared(let prepared) = first, prepared.probe != StateHash(high: 0, low: 0) else {
                Issue.record("\(String(describing: first))")
                return
            }
            let (bulk, hello) = try #require(await coordinator.nextLink())
            #expect(hello.purpose == .bulk)
            try await body(coordinator, control, bulk)
            // Until the worker has gone.
            while (try? await messages.next()) != nil {}
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

    /// It costs nothing but what was on its way.
    @Test func aLostBulkConnectionIsOpenedAgain() async throws {
        let sinks = LogSinks([])
        let outcome = try await withPreparedWorker(sinks: sinks) { coordinator, control, bulk in
            bulk.close()
            let (again, hello) = try #require(await coordinator.nextLink())
            #expect(hello.purpose == .bulk)
            #expect(hello.isPrepared)
            // Its lines go by the new one, and by no other.
            while sinks.all.count != 1 { await Task.yield() }
            try control.post(.release(Release(reason: "all done", exitCode: .success)))
            try await again.run { frames in for try await _ in frames {} }
        }
        #expect(outcome?.exitCode == .success)
        #expect(sinks.all.isEmpty)
    }

    /// A worker that loses only its coordinator goes on, and says who it is to the next one; to an earlier one not.
    @Test func aLostCoordinatorIsDialledAgain() async throws {
        let outcome = try await withPreparedWorker { coordinator, control, bulk in
            control.close()
            let (earlier, hello) = try #require(await coordinator.nextLink(.control))
            #expect(hello.purpose == .control && hello.isPrepared && hello.incarnation == 2)
            var welcome = try self.welcome()
            welcome.incarnation = 1
            try earlier.post(.welcome(welcome))
            // The worker closes it.
            try? await earlier.run { frames in for try await _ in frames {} }
            let (later, again) = try #require(await coordinator.nextLink(.control))
            #expect(again.process == hello.process)
            welcome.incarnation = 3
            try later.post(.welcome(welcome))
            let prepared = try await later.run { frames in
                var messages = frames.makeAsyncIterator()
                let first = try await messages.next()?.message()
                let (_, bulk) = try #require(await coordinator.nextLink(.bulk))
                #expect(bulk.process == hello.process)
                try later.post(.release(Release(reason: "all done", exitCode: .success)))
                while try await messages.next() != nil {}
                return first
            }
            guard case .prepared = prepared else {
                Issue.record("\(String(describing: prepared))")
                return
            }
        }
        #expect(outcome?.exitCode == .success)
    }

    @Test func aRefusedBulkConnection() async throws {
        let outcome = try await withPreparedWorker { _, _, bulk in bulk.refuse("another process of that name is here") }
        #expect(outcome?.exitCode == .refused)
        #expect(outcome?.message.contains("another process of that name is here") == true)
    }

    /// The worker answers from its loops, and ends on a word of its coordinator.
    @Test func aPingIsAnswered() async throws {
        let coordinator = try await TestCoordinator()
        let worker = try coordinator.worker()
        let working = Task(executorPreference: OwnThreads.shared) { try await worker.run() }
        let (control, _) = try #require(await coordinator.nextLink())
        try control.post(.ping(Ping(nonce: 77)))
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
