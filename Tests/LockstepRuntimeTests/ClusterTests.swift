import Foundation
import InMemoryLogging
import InMemoryTracing
import LockstepCluster
import LockstepCore
import LockstepRuntime
import LockstepTestSupport
import LockstepWireTestSupport
import Logging
import Testing
import Tracing

@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads) struct ClusterTests {
    /// `docs/architecture.md`, "Spans".
    @Test(arguments: [1, 2, 3]) func aRunOfThreeStepsHasExactlyTheseSpans(workers: Int) async throws {
        let cluster = try await TestCluster(workers: workers)
        try await cluster.run()
        #expect(cluster.coordinator.outcome?.exitCode == .success)
        let spans = cluster.tracer.finishedSpans
        #expect(cluster.tracer.activeSpans.isEmpty)
        let counts = Dictionary(grouping: spans, by: \.operationName).mapValues(\.count)
        #expect(
            counts == [
                "run": 1, "snapshot": 1, "evaluation": workers, "step": 3 * workers, "load": 3 * workers,
                "forward": 3 * workers, "backward": 3 * workers, "all-reduce": 3 * workers, "update": 3 * workers,
            ])
        let run = try #require(spans.first { $0.operationName == "run" })
        #expect(spans.allSatisfy { $0.traceID == run.traceID })
        let byIdentifier = Dictionary(uniqueKeysWithValues: spans.map { ($0.spanID, $0) })
        for span in spans where span.operationName != "run" {
            let parent = try #require(byIdentifier[span.parentSpanID ?? ""])
            let isPart = ["load", "forward", "backward", "all-reduce", "update"].contains(span.operationName)
            #expect(parent.operationName == (isPart ? "step" : "run"))
            #expect(span.startInstant.nanosecondsSinceEpoch <= span.endInstant.nanosecondsSinceEpoch)
        }
        for worker in 0..<workers {
            let steps = spans.filter { span in
                span.operationName == "step" && span.attributes.get("lockstep.worker") == .string("w\(worker)")
            }
            #expect(steps.compactMap { $0.attributes.get("lockstep.step") }.count == 3)
        }
    }

    /// Several buckets have spans of their own, which say when each left and when its sum was there.
    @Test func bucketsHaveSpans() async throws {
        let cluster = try await TestCluster(workers: 2, exchange: ExchangeWish(links: 2, bucketBytes: 4096))
        try await cluster.run()
        #expect(cluster.coordinator.outcome?.exitCode == .success)
        let spans = cluster.tracer.finishedSpans
        let steps = Set(spans.filter { $0.operationName == "step" }.map(\.spanID))
        let buckets = spans.filter { $0.operationName == "bucket" }
        let reductions = spans.filter { $0.operationName == "all-reduce" }
        #expect(reductions.count == 2 * 3)
        for reduction in reductions {
            guard case .int64(let count) = reduction.attributes.get("buckets"), count > 1 else {
                Issue.record("\(reduction.attributes)")
                continue
            }
            let own = buckets.filter { $0.parentSpanID == reduction.parentSpanID }
            #expect(own.count == count)
            let (start, end) = (
                reduction.startInstant.nanosecondsSinceEpoch, reduction.endInstant.nanosecondsSinceEpoch
            )
            let starts = own.map(\.startInstant.nanosecondsSinceEpoch)
            // The first one left when the all-reduce began.
            #expect(starts.min() == start)
            #expect(own.allSatisfy { $0.endInstant.nanosecondsSinceEpoch <= end })
        }
        #expect(buckets.allSatisfy { steps.contains($0.parentSpanID ?? "") })
    }

    /// Workers that were started to measure without TLS never train, whether or not the run measures first.
    @Test(arguments: [ExchangeWish(), ExchangeWish(links: 1, bucketBytes: 4096)])
    func gradientsNeverTravelInTheClear(exchange: ExchangeWish) async throws {
        let cluster = try await TestCluster(workers: 2, exchange: exchange, allowsClear: true)
        try await cluster.run()
        #expect(cluster.coordinator.outcome?.exitCode == .failed)
        #expect(cluster.coordinator.outcome?.message.contains("was started to measure without TLS") == true)
    }

    @Test func logLinesCarryRunWorkerGenerationAndStep() async throws {
        let cluster = try await TestCluster(workers: 2)
        try await cluster.run()
        let entries = cluster.logs.entries
        let begun = entries.filter { "\($0.message)".contains("generation begins") }
        #expect(begun.count == 2)
        for entry in begun {
            #expect(Set(entry.metadata.keys).isSuperset(of: ["run", "worker", "generation", "step"]))
            #expect(entry.metadata["generation"] == begun.first?.metadata["generation"])
        }
        let coordinator = try #require(entries.first { "\($0.message)".contains("training begins") })
        #expect(Set(coordinator.metadata.keys).isSuperset(of: ["run", "generation", "step"]))
    }

    @Test func theNumberOfWorkersChangesNoBit() async throws {
        var digests: [String] = []
        for workers in [1, 2, 5] {
            let cluster = try await TestCluster(workers: workers)
            try await cluster.run()
            let last = try #require(cluster.lines.last)
            #expect(last.contains("\"event\":\"finished\""))
            digests.append(try #require(last.split(separator: "\"stateDigest\":\"").last.map { String($0.prefix(64)) }))
        }
        #expect(Set(digests).count == 1)
    }

    /// A share of more than one frame for each vector; the coordinator compares the hash of what it gets.
    @Test func aShareOfSeveralFrames() async throws {
        let job = TestCluster.job.replacingOccurrences(of: "linear: 16", with: "linear: 128")
        let cluster = try await TestCluster(workers: 1, job: job)
        try await cluster.run()
        #expect(cluster.coordinator.outcome?.exitCode == .success)
    }
}
