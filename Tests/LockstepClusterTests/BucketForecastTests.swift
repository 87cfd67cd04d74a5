import LockstepCollectives
import LockstepTestSupport
import Testing

@testable import LockstepCluster

@Suite struct BucketForecastTests {
    private static let free = BucketForecast(
        latencySeconds: 50e-6, bytesPerSecond: 1e9, stallSeconds: 0, stallSecondsPerByte: 0, members: 2,
        oneHopBytes: 65_536)

    /// `count` points, the gradient complete evenly over `seconds`.
    private func even(_ count: Int, floats: Int, seconds: Double) -> [GradientPoint] {
        (1...count).map { point in
            GradientPoint(floats: floats * point / count, seconds: seconds * Double(point) / Double(count))
        }
    }

    @Test func anExchangeHidesBehindTheComputation() {
        // 8 MB at 1 GB/s take 8 ms, and the computation 40.
        let timeline = even(20, floats: 2_000_000, seconds: 0.04)
        let boundaries = Self.free.bestBoundaries(timeline: timeline)
        let buckets = Self.free.buckets(boundaries, timeline: timeline)
        #expect(boundaries.count > 1)
        #expect(Buckets(elementCount: 2_000_000, boundaries: boundaries) != nil)
        let exposed = (buckets.last?.summedSeconds ?? 0) - 0.04
        // All but the last twentieth is over when the computation is.
        #expect(exposed < 0.0005, "\(exposed) \(boundaries)")
        let whole = Self.free.buckets([], timeline: timeline)
        #expect(abs((whole.last?.summedSeconds ?? 0) - 0.04805) < 1e-9)
        for (one, next) in zip(buckets, buckets.dropFirst()) {
            #expect(one.readySeconds < one.summedSeconds && one.summedSeconds <= next.summedSeconds)
        }
    }

    @Test func whatGainsNothingIsNotCut() {
        // All is complete at once.
        let atOnce = [GradientPoint(floats: 500_000, seconds: 0.01), GradientPoint(floats: 1_000_000, seconds: 0.01)]
        #expect(Self.free.bestBoundaries(timeline: atOnce).isEmpty)
        // The computation goes without all that the exchange takes.
        var stalled = Self.free
        stalled.stallSeconds = 50e-6
        stalled.stallSecondsPerByte = 1e-9
        #expect(stalled.bestBoundaries(timeline: even(20, floats: 2_000_000, seconds: 0.04)).isEmpty)
        // One point, or none.
        #expect(Self.free.bestBoundaries(timeline: even(1, floats: 1000, seconds: 1)).isEmpty)
        #expect(Self.free.bestBoundaries(timeline: []).isEmpty)
        #expect(Self.free.buckets([], timeline: []).isEmpty)
    }

    @Test func aLongTimelineIsThinnedAndAligned() {
        // 256 points at odd places, some of them close to each other.
        let timeline = even(256, floats: 300_001, seconds: 0.5)
        let boundaries = Self.free.bestBoundaries(timeline: timeline)
        #expect(!boundaries.isEmpty && Buckets(elementCount: 300_001, boundaries: boundaries) != nil)
    }

    /// Against all ways to cut at the points.
    @Test func noOtherCutsAreBetter() {
        let seed: UInt64 = 5_150
        var random = SeededGenerator(seed: seed)
        var canary = 0
        for round in 0..<150 {
            var point = GradientPoint(floats: 0, seconds: 0)
            let timeline = (0..<Int.random(in: 1...7, using: &random)).map { _ in
                point.floats += 16 * Int.random(in: 256...20_000, using: &random)
                point.seconds += Double(Int.random(in: 0...3_000, using: &random)) * 1e-6
                return point
            }
            let stalls = Bool.random(using: &random)
            let forecast = BucketForecast(
                latencySeconds: Double(Int.random(in: 10...300, using: &random)) * 1e-6,
                bytesPerSecond: Double(Int.random(in: 50...3_000, using: &random)) * 1e6,
                stallSeconds: stalls ? 30e-6 : 0, stallSecondsPerByte: stalls ? 0.3e-9 : 0,
                members: Int.random(in: 2...5, using: &random), oneHopBytes: 65_536)
            func end(_ boundaries: [Int]) -> Double {
                forecast.buckets(boundaries, timeline: timeline).last?.summedSeconds ?? 0
            }
            let places = timeline.dropLast().map(\.floats)
            let best =
                (0..<(1 << places.count)).map { chosen in
                    end(places.enumerated().compactMap { chosen & (1 << $0.offset) == 0 ? nil : $0.element })
                }.min() ?? 0
            let tolerance = 1e-9 + max(10e-6, (timeline.last?.seconds ?? 0) * 0.002)
            #expect(
                end(forecast.bestBoundaries(timeline: timeline)) <= best + tolerance,
                "seed \(seed), round \(round): \(timeline) \(forecast)")
            if end([]) > best + tolerance { canary += 1 }
        }
        #expect(canary > 20, "one bucket is as good as any in all but \(canary) cases, which tests nothing")
    }
}
