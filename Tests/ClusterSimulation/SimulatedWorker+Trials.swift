import LockstepCluster
import LockstepCollectives
import LockstepCore

/// Measurements before the first step.
extension SimulatedWorker {
    static func rounds(of trial: Trial) -> UInt32 { UInt32(min(3, trial.warmUpRounds + trial.rounds)) }

    /// A few rounds stand for those of the trial.
    func begin(_ measure: Measure) {
        guard let generation, generation.roster.generation == measure.roster.generation else {
            return simulation.violate("\(self) begins a trial without links")
        }
        if measure.trial.settings.links > (measure.roster.members.map(\.ports.count).min() ?? 0) {
            simulation.violate("a trial over links that nobody offers")
        }
        // The first one's was made with the links, and may have taken frames already.
        if generation.trial != measure { makeExchange(TurnSchedule(trialRounds: Self.rounds(of: measure.trial))) }
        generation.trial = measure
        beginRound(Turn(.trial, step: 1))
        // What came before its trial has its place now.
        takeAll(generation)
        if simulation.flaw == .measuresNothing { answer(measure) }
    }

    func finishedRound(_ turn: Turn) {
        guard let generation, let exchange = generation.exchange, let measure = generation.trial else { return }
        if let next = exchange.core.schedule.successor(of: turn) {
            beginRound(next)
        } else if simulation.flaw != .measuresNothing {
            answer(measure)
        }
    }

    private func beginRound(_ turn: Turn) {
        guard let exchange = generation?.exchange else { return }
        exchange.core.begin(turn)
        let mark = mark(of: turn)
        for bucket in 0..<exchange.bucketCount {
            exchange.compute(bucket, mark: mark)
            exchange.core.bucketReady(bucket)
        }
        let plan = exchange.plan
        let sums = [Double](repeating: 0, count: SimulatedExchange.sumCount * plan.ownRoots.count)
        exchange.core.recordReady(
            ControlRecord(
                lanes: plan.lanes[plan.ownIndex], sums: sums, sampleHash: 0, stateHash: StateHash(high: 0, low: 0)))
        simulation.after(0) { [self] in whenAwake { [self] in advance() } }
    }

    private func answer(_ measure: Measure) {
        if simulation.flaw == .keepsAMeasurement, number == 0 { return }
        let trial = measure.trial
        let points = trial.computeSteps > 0 ? min(4, simulation.scenario.elementCount) : 0
        // A step of up to 100 ms, and links of any speed.
        let step = Double(simulation.delay(1_000_000...100_000_000)) / 1e9
        let round = 50e-6 + Double(trial.byteCount) / Double(simulation.delay(50_000_000...2_000_000_000))
        let measured = Measured(
            generation: measure.roster.generation, number: measure.number,
            seconds: (0..<trial.rounds).map { _ in round * Double(simulation.delay(900...1_100)) / 1_000 },
            wrongSums: simulation.sumsWrongly(self) ? 1 : 0, processorSeconds: round * Double(trial.rounds) / 2,
            timeline: (0..<points).map { place in
                GradientPoint(
                    floats: simulation.scenario.elementCount * (place + 1) / points,
                    seconds: step * Double(place + 1) / 4)
            })
        compute(1_000_000...50_000_000) { [self] in handle(.measured(measured)) }
    }
}
