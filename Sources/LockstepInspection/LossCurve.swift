package import LockstepCore
package import LockstepFormats

/// A value over the steps of a run, read from `metrics.jsonl`.
package struct LossCurve: Sendable {
    package struct Point: Sendable, Hashable {
        package var step: UInt32
        /// NaN where the step has no finite value.
        package var value: Double

        package init(step: UInt32, value: Double) {
            self.step = step
            self.value = value
        }
    }

    /// More points than this are averaged in pairs.
    private let mostPoints: Int

    /// `loss`, or what else is shown. Foreign text where it names a metric.
    package let name: String
    /// In ascending order of their steps.
    package private(set) var points: [Point] = []
    /// Lines that could not be read; a torn last line is not counted.
    package private(set) var brokenLines = 0
    /// How many steps became one point.
    package private(set) var stepsPerPoint = 1
    /// The steps that wait until their point is full.
    private var gathered: [Point] = []

    package init(name: String = "loss", points: [Point] = [], mostPoints: Int = 1 << 20) {
        self.name = name
        self.mostPoints = mostPoints
        for point in points { add(point) }
        flush()
    }

    /// - Parameter value: `loss`, `learningRate`, `samplesPerSecond` or a metric's name.
    /// - Throws: a usage error where the file cannot be read or holds no such value.
    package init(metricsFile path: String, value name: String = "loss") throws(CommandError) {
        var lines = 0
        var known: [String] = []
        var isKnown = false
        var curve = LossCurve(name: name)
        let skipped = try LineFile.read(path) { line, isWhole in
            guard let object = try? JSONValue(parsing: line, limits: JSONValue.Limits(depth: 16, values: 10_000)),
                let step = object["step"]?.int.flatMap({ UInt32(exactly: $0) })
            else {
                if isWhole { curve.brokenLines += 1 }
                return
            }
            lines += 1
            let found = object[name] ?? object["metrics"]?[name]
            if found != nil { isKnown = true }
            if lines == 1 { known = LossCurve.names(in: object) }
            let value = found?.double.flatMap { $0.isFinite ? $0 : nil }
            curve.add(Point(step: step, value: value ?? .nan))
        }
        curve.flush()
        curve.brokenLines += skipped
        guard lines > 0 else {
            throw .usage("\(path.escapedForDisplay(limit: 1000)): there is no step in it yet; train at least one")
        }
        guard isKnown else {
            throw .usage(
                "\(path.escapedForDisplay(limit: 1000)): no step has “\(name.escapedForDisplay(limit: 60))”; choose one of "
                    + known.map { $0.escapedForDisplay(limit: 60) }.joined(separator: ", "))
        }
        self = curve
    }

    /// The points whose value is finite.
    package var finite: [Point] { points.filter(\.value.isFinite) }

    package var json: JSONValue {
        [
            "name": .string(name), "stepsPerPoint": .number(stepsPerPoint), "brokenLines": .number(brokenLines),
            "points": .array(points.map { ["step": .number($0.step), "value": .number($0.value)] }),
        ]
    }

    private static func names(in line: JSONValue) -> [String] {
        ["loss", "learningRate", "samplesPerSecond"].filter { line[$0] != nil }
            + (line["metrics"]?.object?.members.prefix(20).map(\.key) ?? [])
    }

    private mutating func add(_ point: Point) {
        // A run that was resumed may tell steps again: the last word counts.
        if let last = gathered.last ?? points.last, last.step >= point.step {
            gathered.removeAll { $0.step >= point.step }
            if gathered.isEmpty {
                while let last = points.last, last.step >= point.step { points.removeLast() }
            }
        }
        gathered.append(point)
        guard gathered.count == stepsPerPoint else { return }
        flush()
        guard points.count >= mostPoints else { return }
        points = stride(from: 0, to: points.count, by: 2).map { index in
            LossCurve.mean(points[index..<min(index + 2, points.count)])
        }
        stepsPerPoint *= 2
    }

    private mutating func flush() {
        guard !gathered.isEmpty else { return }
        points.append(LossCurve.mean(gathered[...]))
        gathered.removeAll(keepingCapacity: true)
    }

    /// The mean of the finite values, at the last step.
    private static func mean(_ points: ArraySlice<Point>) -> Point {
        let finite = points.lazy.map(\.value).filter(\.isFinite)
        let count = Double(finite.count)
        let value = count == 0 ? .nan : finite.reduce(0.0) { $0 + $1 / count }
        return Point(step: points.last?.step ?? 0, value: value)
    }
}
