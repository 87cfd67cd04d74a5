/// When backward has completed how much of the flat gradient, in seconds from the start of a step.
package struct GradientTimeline: Sendable, Hashable {
    /// The prefix of so many floats is complete after so many seconds.
    package struct Point: Sendable, Hashable {
        package let floats: Int
        package let seconds: Double

        package init(floats: Int, seconds: Double) {
            self.floats = floats
            self.seconds = seconds
        }
    }

    /// Ascending; the last is the whole gradient.
    package let points: [Point]

    /// When the whole gradient is complete.
    package var seconds: Double { points.last?.seconds ?? 0 }

    package init(points: [Point]) { self.points = points }

    /// A prefix is complete when all its buckets are.
    init(ranges: [Range<Int>], completionTimes: [UInt64], _ step: StepTimes) {
        var latest = step.start
        points = zip(ranges, completionTimes).map { range, time in
            latest = max(latest, time)
            return Point(floats: range.upperBound, seconds: Double(latest - step.start) * 1e-9)
        }
    }

    /// At most `limit` points, at least one: of those in the same part of the time, the last stays.
    package func thinned(to limit: Int) -> GradientTimeline {
        guard points.count > max(1, limit), let first = points.first, let last = points.last else { return self }
        let interval = (last.seconds - first.seconds) / Double(max(1, limit - 1))
        func part(_ point: Point) -> Int { interval > 0 ? Int((point.seconds - first.seconds) / interval) : 0 }
        var kept: [Point] = []
        for point in points {
            if let before = kept.last, part(before) == part(point) || limit < 2 { kept.removeLast() }
            kept.append(point)
        }
        return GradientTimeline(points: kept)
    }
}
