/// Carry out a trial. The links of its generation are made for the first one and serve all.
package struct Measure: Sendable, Equatable, Codable {
    package var roster: Roster
    package var trial: Trial
    /// Of the trial in its generation, from 0.
    package var number: Int
    /// Without TLS. Only a worker that was started for that obeys.
    package var isClear: Bool
    package var hostShare: HostShare

    package init(roster: Roster, trial: Trial, number: Int, isClear: Bool = false, hostShare: HostShare = .all) {
        self.roster = roster
        self.trial = trial
        self.number = number
        self.isClear = isClear
        self.hostShare = hostShare
    }
}

/// When a part of the gradient is complete.
package struct GradientPoint: Sendable, Hashable, Codable {
    /// The gradient's first so many floats.
    package var floats: Int
    /// From the beginning of the step.
    package var seconds: Double

    package init(floats: Int, seconds: Double) {
        self.floats = floats
        self.seconds = seconds
    }
}

/// What a worker measured in a trial.
package struct Measured: Sendable, Equatable, Codable {
    package var generation: UInt32
    /// Of the trial.
    package var number: Int
    /// What each counted round took, in order.
    package var seconds: [Double]
    /// Floats of the total that were wrong in the rounds that are checked.
    package var wrongSums: Int
    /// Processor time that the process needed for all counted rounds; 0 where the system does not say.
    package var processorSeconds: Double
    /// Where steps were computed: ascending, of the fastest one, at most 256.
    package var timeline: [GradientPoint]

    package init(
        generation: UInt32, number: Int, seconds: [Double], wrongSums: Int = 0, processorSeconds: Double = 0,
        timeline: [GradientPoint] = []
    ) {
        self.generation = generation
        self.number = number
        self.seconds = seconds
        self.wrongSums = wrongSums
        self.processorSeconds = processorSeconds
        self.timeline = timeline
    }

    package static let mostPoints = 256

    /// What is wrong with the answer to `trial` that a worker sent; nil where it can be one.
    ///
    /// - Parameter elementCount: floats in the flat gradient.
    func objection(trial: Trial, elementCount: Int) -> String? {
        if seconds.count != trial.rounds { return "\(seconds.count) rounds of \(trial.rounds)" }
        if !seconds.allSatisfy({ $0.isFinite && $0 >= 0 }) { return "a time that cannot be" }
        if !processorSeconds.isFinite || processorSeconds < 0 { return "a processor time of \(processorSeconds) s" }
        if wrongSums < 0 { return "\(wrongSums) wrong sums" }
        if timeline.count > (trial.computeSteps > 0 ? Measured.mostPoints : 0) { return "\(timeline.count) points" }
        var last = GradientPoint(floats: 0, seconds: 0)
        for point in timeline {
            guard point.floats > last.floats, point.floats <= elementCount, point.seconds.isFinite,
                point.seconds >= last.seconds
            else { return "points that are no timeline" }
            last = point
        }
        return nil
    }
}
