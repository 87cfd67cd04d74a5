internal import LockstepCollectives

/// When the sums of buckets are there, from what was measured: a computation that completes the gradient little by little,
/// and links that carry one bucket after the other.
struct BucketForecast: Sendable {
    /// Of an all-reduce of a few bytes.
    var latencySeconds: Double
    /// Of bytes that a member sends in an all-reduce.
    var bytesPerSecond: Double
    /// Processor time that a member needs for a bucket, however small, and for a byte that it sends, and that its
    /// computation goes without. 0 where cores are to spare.
    var stallSeconds: Double
    var stallSecondsPerByte: Double
    var members: Int
    var oneHopBytes: Int

    /// So many points of a timeline are looked at, and so many buckets are made at most.
    private static let mostPoints = 96
    private static let mostBuckets = 16
    /// Floats that a cut is away from the next at least, 16 KiB.
    private static let leastFloats = 4096

    /// Bytes that a member sends where a vector of `bytes` is summed.
    static func bytesSent(_ bytes: Int, members: Int, oneHopBytes: Int) -> Double {
        let others = Double(max(0, members - 1))
        if bytes <= oneHopBytes || members <= 2 { return Double(bytes) * others }
        return 2 * Double(bytes) * others / Double(members)
    }

    private func isOneHop(_ floats: Int) -> Bool { members <= 2 || 4 * floats <= oneHopBytes }

    /// What the links do for a bucket; nothing else happens on them meanwhile.
    private func busySeconds(_ floats: Int) -> Double {
        let bytes = BucketForecast.bytesSent(4 * floats, members: members, oneHopBytes: oneHopBytes)
        return latencySeconds / 2 + bytes / bytesPerSecond
    }

    /// From when the links are free again until the total is there.
    private func tailSeconds(_ floats: Int) -> Double { isOneHop(floats) ? latencySeconds / 2 : latencySeconds }

    /// What exchanges have kept from the computation until `floats` of the gradient, `buckets` of them, are on their way.
    private func stall(_ floats: Int, _ buckets: Int) -> Double {
        let bytes = BucketForecast.bytesSent(4 * floats, members: members, oneHopBytes: oneHopBytes)
        return Double(buckets) * stallSeconds + bytes * stallSecondsPerByte
    }

    // MARK: A forecast

    /// - Parameters:
    ///   - boundaries: the cuts between buckets, ascending.
    ///   - timeline: the last point is the whole gradient.
    func buckets(_ boundaries: [Int], timeline: [GradientPoint]) -> [TunedExchange.Bucket] {
        guard let elementCount = timeline.last?.floats else { return [] }
        var buckets: [TunedExchange.Bucket] = []
        var free = 0.0
        var lower = 0
        for upper in boundaries + [elementCount] {
            let ready = (timeline.first { $0.floats >= upper } ?? timeline[timeline.count - 1]).seconds
            let isReady = ready + stall(lower, buckets.count)
            free = max(isReady, free) + busySeconds(upper - lower)
            let summed = max(free + tailSeconds(upper - lower), buckets.last?.summedSeconds ?? 0)
            buckets.append(
                TunedExchange.Bucket(range: lower..<upper, readySeconds: isReady, summedSeconds: summed))
            lower = upper
        }
        return buckets
    }

    // MARK: The best cuts

    /// The cuts with which the last sum is expected soonest; of cuts that are worth the same, the fewest.
    ///
    /// - Parameter timeline: the last point is the whole gradient.
    func bestBoundaries(timeline: [GradientPoint]) -> [Int] {
        let points = BucketForecast.places(timeline)
        guard let last = points.last, points.count > 1 else { return [] }
        /// For each number of buckets and each point: when the links are free again after a bucket that ends there, and
        /// where that bucket begins.
        var stages: [[(free: Double, from: Int)]] = []
        let never = (free: Double.infinity, from: 0)
        for count in 1...min(BucketForecast.mostBuckets, points.count) {
            var stage = [(free: Double, from: Int)](repeating: never, count: points.count)
            for end in points.indices {
                // The first bucket begins at 0; a later one at the end of one of `count - 1`.
                for begin in count == 1 ? -1..<0 : 0..<end {
                    let before = count == 1 ? 0 : stages[count - 2][begin].free
                    guard before < .infinity else { continue }
                    let lower = begin < 0 ? 0 : points[begin].floats
                    let ready = points[end].seconds + stall(lower, count - 1)
                    let free = max(ready, before) + busySeconds(points[end].floats - lower)
                    if free < stage[end].free { stage[end] = (free, begin) }
                }
            }
            stages.append(stage)
        }
        let ends = stages.map { stage -> Double in
            let (free, from) = stage[points.count - 1]
            let lower = from < 0 ? 0 : points[from].floats
            return free < .infinity ? free + tailSeconds(last.floats - lower) : .infinity
        }
        let worth = max(10e-6, last.seconds * 0.002)
        let best = (ends.min() ?? 0) + worth
        guard var count = ends.firstIndex(where: { $0 <= best }) else { return [] }
        var boundaries: [Int] = []
        var end = points.count - 1
        while count > 0 {
            end = stages[count][end].from
            boundaries.append(points[end].floats)
            count -= 1
        }
        return boundaries.reversed()
    }

    /// The points where a cut may be, and the end: at multiples of 16 floats, not too close, and not too many.
    private static func places(_ timeline: [GradientPoint]) -> [GradientPoint] {
        guard let last = timeline.last else { return [] }
        let aligned = timeline.dropLast().map { point in
            GradientPoint(floats: point.floats / Buckets.alignment * Buckets.alignment, seconds: point.seconds)
        }
        var distance = leastFloats
        while true {
            var places: [GradientPoint] = []
            for point in aligned
            where point.floats >= (places.last?.floats ?? 0) + distance && point.floats + distance <= last.floats {
                places.append(point)
            }
            if places.count < mostPoints { return places + [last] }
            distance *= 2
        }
    }
}
