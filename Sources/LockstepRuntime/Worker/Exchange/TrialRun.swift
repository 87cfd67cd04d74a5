internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepEngine
internal import LockstepJobs

/// A trial in progress: round after round of an all-reduce of vectors that are nobody's gradients, through the code that a
/// step uses. Used by the driver's thread.
final class TrialRun {
    let measure: Measure
    let exchange: RunningExchange
    private let plan: ExchangePlan
    private let record: ControlRecord
    private let timeline: [GradientPoint]
    /// Rounds that are done, those to warm up first.
    private var rounds = 0
    private var start: UInt64 = 0
    private var processorStart = 0.0
    private var seconds: [Double] = []
    private var wrongSums = 0

    /// - Parameters:
    ///   - timeline: what the trial's steps showed; empty where it has none.
    ///   - exchange: makes the exchange of these plans.
    /// - Throws: `ExchangePlan.Fault`.
    init(
        _ measure: Measure, own: Int, job: ResolvedJob, timeline: [GradientPoint],
        exchange: (_ plans: [ExchangePlan], TurnSchedule) -> RunningExchange
    ) throws {
        let trial = measure.trial
        let plans = try ExchangePlan.rails(
            tree: job.laneTree, lanes: measure.roster.members.map(\.lanes), ownIndex: own,
            elementCount: trial.elementCount, sumCount: job.sumCount, settings: trial.settings)
        self.measure = measure
        self.timeline = timeline
        plan = plans[0]
        record = ControlRecord(
            lanes: plan.lanes[own], sums: Array(repeating: 0, count: plan.ownRoots.count * plan.sumCount),
            sampleHash: 0, stateHash: StateHash(high: 0, low: 0))
        seconds.reserveCapacity(trial.rounds)
        self.exchange = exchange(
            plans, TurnSchedule(trialRounds: UInt32(clamping: trial.warmUpRounds + trial.rounds)))
        fill()
    }

    /// Begins the next round.
    func begin() {
        if rounds < measure.trial.warmUpRounds { fill() }
        if rounds == measure.trial.warmUpRounds { processorStart = ProcessClock.processorSeconds }
        start = ProcessClock.now
        exchange.run(Turn(.trial, step: UInt32(rounds + 1)), record: record)
    }

    /// A round is over.
    ///
    /// - Returns: what was measured, where it was the last; else the next one has begun.
    func finishRound() -> Measured? {
        let end = ProcessClock.now
        if rounds < measure.trial.warmUpRounds { check() } else { seconds.append(Double(end - start) / 1e9) }
        rounds += 1
        guard rounds == measure.trial.warmUpRounds + measure.trial.rounds else {
            begin()
            return nil
        }
        return Measured(
            generation: measure.roster.generation, number: measure.number, seconds: seconds, wrongSums: wrongSums,
            processorSeconds: ProcessClock.processorSeconds - processorStart, timeline: timeline)
    }

    // MARK: Vectors

    /// A factor for each part, and a value for each place: so small that the sums of 4096 parts are below 2²⁴, and exact.
    private static func factor(_ part: Int) -> Int { 1 + part % 8 }
    private static func value(_ index: Int) -> Float { Float(index & 511) }

    /// Integers that differ from part to part, from round to round and along the vector.
    private func fill() {
        let count = measure.trial.elementCount
        let offset = Float(rounds % 256)
        for (root, part) in zip(exchange.memory.roots, plan.partNumbers[plan.ownIndex]) {
            let factor = Float(TrialRun.factor(part))
            let values = root.pointer
            for index in 0..<count { values[index] = TrialRun.value(index) * factor + offset }
        }
    }

    private func check() {
        let count = measure.trial.elementCount
        let factor = Float(plan.parts.indices.reduce(0) { $0 + TrialRun.factor($1) })
        let offset = Float(plan.parts.count * (rounds % 256))
        let total = exchange.memory.total.pointer
        for index in 0..<count where total[index] != TrialRun.value(index) * factor + offset { wrongSums += 1 }
    }
}
