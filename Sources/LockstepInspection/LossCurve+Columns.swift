extension LossCurve {
    /// What falls into one column of a picture.
    struct Column {
        var low: Double
        var high: Double
        var mean: Double
    }

    /// The finite points spread over `count` columns by their steps; nil where a column has none.
    func columns(_ count: Int, _ points: [Point]) -> [Column?] {
        guard let first = points.first?.step, let last = points.last?.step, count > 0 else { return [] }
        var columns = [Column?](repeating: nil, count: count)
        var counts = [Double](repeating: 0, count: count)
        for point in points {
            let index = last == first ? 0 : Int(UInt64(point.step - first) * UInt64(count - 1) / UInt64(last - first))
            counts[index] += 1
            guard var column = columns[index] else {
                columns[index] = Column(low: point.value, high: point.value, mean: point.value)
                continue
            }
            column.low = min(column.low, point.value)
            column.high = max(column.high, point.value)
            column.mean += (point.value - column.mean) / counts[index]
            columns[index] = column
        }
        return columns
    }

    /// Each point's value as the mean of its neighbourhood, `width` points in all.
    static func smoothed(_ points: [Point], width: Int) -> [Point] {
        let (before, after) = ((max(1, width) - 1) / 2, max(1, width) / 2)
        var sums = [0.0]
        sums.reserveCapacity(points.count + 1)
        for point in points { sums.append(sums[sums.count - 1] + point.value) }
        return points.indices.map { index in
            let from = max(0, index - before)
            let to = min(points.count - 1, index + after)
            return Point(step: points[index].step, value: (sums[to + 1] - sums[from]) / Double(to + 1 - from))
        }
    }
}
