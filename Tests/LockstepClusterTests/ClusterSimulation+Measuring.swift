import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepTestSupport

/// Trials, as the workers' shells carry them out: a few records from all to all stand for the rounds.
extension ClusterSimulation {
    static func rounds(of trial: Trial) -> UInt32 { UInt32(min(3, trial.warmUpRounds + trial.rounds)) }

    func begin(_ measure: Measure, _ index: Int) {
        guard let exchange = processes[index].exchange, exchange.generation == measure.roster.generation else {
            return violations.append("a trial without links")
        }
        if measure.trial.settings.links > (measure.roster.members.map(\.ports.count).min() ?? 0) {
            violations.append("a trial over links that nobody offers")
        }
        // The first one's was made with the links, and may have taken frames already.
        if processes[index].trial != measure {
            processes[index].exchange = Exchange(
                plan: exchange.plan, generation: exchange.generation,
                schedule: TurnSchedule(trialRounds: Self.rounds(of: measure.trial)))
        }
        processes[index].trial = measure
        beginRound(Turn(.trial, step: 1), index)
        // What came before its trial has its place now.
        let held = processes[index].held
        processes[index].held = []
        for frame in held { receive(frame.header, frame.payload, frame.from, index) }
        if flaw == .measuresNothing { answer(index, measure) }
    }

    func finished(_ turn: Turn, _ index: Int) {
        guard let exchange = processes[index].exchange, let measure = processes[index].trial else { return }
        if let next = exchange.schedule.successor(of: turn) {
            beginRound(next, index)
        } else if flaw != .measuresNothing {
            answer(index, measure)
        }
    }

    private func beginRound(_ turn: Turn, _ index: Int) {
        guard let plan = processes[index].exchange?.plan else { return }
        processes[index].exchange?.begin(turn)
        processes[index].exchange?.bucketReady(0)
        let sums = [Double](repeating: 0, count: 2 * plan.ownRoots.count)
        processes[index].exchange?.recordReady(
            ControlRecord(
                lanes: plan.lanes[plan.ownIndex], sums: sums, sampleHash: 0, stateHash: StateHash(high: 0, low: 0)))
        advance(index)
    }

    private func answer(_ index: Int, _ measure: Measure) {
        if flaw == .keepsAMeasurement, index == 0 { return }
        let trial = measure.trial
        let isWrong = scenario.faults.contains(.wrongSums(worker: index))
        let points = trial.computeSteps > 0 ? min(4, scenario.elementCount) : 0
        // A step of up to 100 ms, and links of any speed.
        let step = Double(delay(1_000_000...100_000_000)) / 1e9
        let round = 50e-6 + Double(trial.byteCount) / Double(delay(50_000_000...2_000_000_000))
        let measured = Measured(
            generation: measure.roster.generation, number: measure.number,
            seconds: (0..<trial.rounds).map { _ in round * Double(delay(900...1_100)) / 1_000 },
            wrongSums: isWrong ? 1 : 0, processorSeconds: round * Double(trial.rounds) / 2,
            timeline: (0..<points).map { place in
                GradientPoint(
                    floats: scenario.elementCount * (place + 1) / points, seconds: step * Double(place + 1) / 4)
            })
        queue.add(.measured(index, measured), at: now + delay(1_000_000...50_000_000))
    }
}
