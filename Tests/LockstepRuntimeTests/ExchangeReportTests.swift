import LockstepCluster
import LockstepCollectives
import LockstepFormats
import Testing

@testable import LockstepRuntime

@Suite struct ExchangeReportTests {
    private let tuned = TunedExchange(
        settings: ExchangeSettings(bucketBoundaries: [1600, 3200], links: 2),
        trials: [
            TrialResult(
                trial: Trial(settings: ExchangeSettings(), elementCount: 256, rounds: 3, warmUpRounds: 1),
                members: [
                    TrialResult.Member(
                        name: "w0", measured: Measured(generation: 1, number: 0, seconds: [4e-5, 5e-5, 6e-5]))
                ])
        ],
        latencySeconds: 5e-5, bytesPerSecond: 2e9,
        timeline: [GradientPoint(floats: 1600, seconds: 0.001), GradientPoint(floats: 4000, seconds: 0.004)],
        buckets: [
            TunedExchange.Bucket(range: 0..<1600, readySeconds: 0.001, summedSeconds: 0.002),
            TunedExchange.Bucket(range: 1600..<3200, readySeconds: 0.003, summedSeconds: 0.0045),
            TunedExchange.Bucket(range: 3200..<4000, readySeconds: 0.004, summedSeconds: 0.0052),
        ])

    /// What goes on beside the computation is not exposed, and what is exposed is counted once.
    @Test func exposedTimeIsSharedOutBetweenBuckets() throws {
        let value = ExchangeReport(tuned).value
        let exposed = (value["buckets"]?.array ?? []).compactMap { $0["exposedSeconds"]?.double }
        #expect(exposed.count == 3)
        for (found, expected) in zip(exposed, [0, 0.0005, 0.0007]) { #expect(abs(found - expected) < 1e-9) }
        let whole = try #require(value["exposedSeconds"]?.double)
        #expect(abs(exposed.reduce(0, +) - whole) < 1e-9)
        #expect(value["bucketBoundaries"]?.array?.compactMap(\.int) == [1600, 3200])
    }

    @Test func linesForPeople() {
        let lines = ExchangeReport(tuned).lines
        #expect(lines[0].contains("3 buckets, 2 links a pair, event loops asleep"))
        #expect(lines[1].contains("50 µs") && lines[1].contains("2.00 GB/s"))
        #expect(lines[2].contains("4.00 ms") && lines[2].contains("1.20 ms later"))
        #expect(
            lines.contains { $0.hasPrefix("1 ") && $0.contains("1,600–3,199") && $0.contains(PlanReport.bytes(6400)) })
        #expect(lines.contains { $0.hasPrefix("1.0 KiB") && $0.contains("asleep") })
    }

    /// Where nothing was measured there is nothing to show but the settings.
    @Test func settingsAlone() {
        #expect(ExchangeReport(TunedExchange(settings: ExchangeSettings())).lines.count == 1)
    }
}
