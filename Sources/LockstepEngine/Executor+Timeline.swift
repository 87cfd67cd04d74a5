extension Executor {
    /// Trains on samples that are all zero, and forgets the gradients. The first step meets cold memory, and is not counted
    /// where there is time for another.
    ///
    /// - Parameters:
    ///   - gradients: for each root room for `layout.count` floats, 64-byte aligned.
    ///   - steps: so many are counted at most, at least one.
    ///   - seconds: no step begins later than this, but for the first.
    /// - Returns: the timeline of the fastest step, whose cuts are this executor's `buckets`.
    /// - Throws: `CommandError` where memory does not suffice.
    package func measureTimeline(
        parameters: UnsafePointer<Float>, gradients: UnsafePointer<UnsafeMutablePointer<Float>>, steps: Int,
        seconds: Double = .infinity
    ) throws -> GradientTimeline {
        let begin = MonotonicClock.nanoseconds()
        let starts = (lanes.lowerBound...lanes.upperBound).map { $0 * batchSize / core.laneCount }
        let (first, samples) = (starts[0], starts[lanes.count] - starts[0])
        let inputs = try AlignedMemory(count: samples * core.plan.sampleElements, purpose: "samples")
        let targets = try AlignedMemory(count: samples * core.plan.targetElements, purpose: "targets")
        var results = [LaneResult](repeating: LaneResult(), count: lanes.count)
        var metricSums = [Double](repeating: 0, count: max(1, lanes.count * core.plan.metricSumCount))
        func step() -> GradientTimeline {
            _ = train(
                parameters: parameters, inputs: inputs.floats, targets: targets.floats,
                laneStarts: starts.map { UInt32($0 - first) }, gradients: gradients, results: &results,
                metricSums: &metricSums, context: StepContext(seed: 0, step: 1, firstPosition: UInt32(first)))
            return gradientTimeline
        }
        func isTimeLeft() -> Bool { Double(MonotonicClock.nanoseconds() - begin) * 1e-9 < seconds }
        let cold = step()
        guard isTimeLeft() else { return cold }
        var fastest = step()
        var counted = 1
        while counted < steps, isTimeLeft() {
            let timeline = step()
            counted += 1
            if timeline.seconds < fastest.seconds { fastest = timeline }
        }
        return fastest
    }
}
