import LockstepCluster
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite struct ClusterSimulationTests {
    /// How many times as many seeds as in everyday runs: `LOCKSTEP_SIMULATIONS=20` runs tens of thousands.
    private static let factor = getenv("LOCKSTEP_SIMULATIONS").flatMap { UInt64(String(cString: $0)) } ?? 1

    /// A run, and all that resume it until its job is done: the same turns, sums and states as undisturbed.
    private func run(_ seed: UInt64, kind: ClusterScenario.Kind? = nil, flaw: ClusterSimulation.Flaw = .none)
        -> [ClusterSimulation]
    {
        var runs: [ClusterSimulation] = []
        for attempt in 0..<8 as Range<UInt64> {
            let kind: ClusterScenario.Kind? = attempt == 0 ? kind : attempt < 4 ? nil : .undisturbed
            let simulation = ClusterSimulation(
                seed: seed &+ attempt &* 7_919, kind: kind, flaw: flaw, resuming: runs.last)
            simulation.run()
            runs.append(simulation)
            if !simulation.violations.isEmpty || simulation.isComplete { break }
        }
        return runs
    }

    @Test(arguments: 0..<12 as Range<UInt64>)
    func everyRunEndsOnceAndJustlyAndIsResumed(block: UInt64) {
        let count = 20 * Self.factor
        for seed in (block * count)..<(block * count + count) {
            let runs = run(seed)
            guard let last = runs.last else { continue }
            #expect(
                last.violations.isEmpty && last.isComplete,
                "seed \(seed), run \(runs.count): \(last.violations) \(last.scenario) from \(last.start) \(last.outcomes)"
            )
        }
    }

    /// What is to be simulated does happen.
    @Test func theSimulationReachesWhatItIsFor() {
        var resumedAt: Set<UInt32> = []
        var stops = 0
        var midRun = 0
        var dropped = 0
        for seed in 0..<60 as Range<UInt64> {
            let runs = run(seed, kind: seed % 2 == 0 ? .stop : .undisturbed)
            for run in runs {
                resumedAt.insert(run.start.step)
                if run.scenario.job.end.watch.isStopped { stops += 1 }
                midRun += run.snapshots.count - 1
                dropped += run.scenario.job.snapshotSteps.count - run.snapshots.count + 1
            }
        }
        #expect(resumedAt.count > 6 && stops > 5 && midRun > 30 && dropped > 5)
    }

    /// Faults that are meant for it come while workers measure.
    @Test func theSimulationReachesTrials() {
        var trials = 0
        var verdicts = 0
        var stops = 0
        for seed in 0..<60 as Range<UInt64> {
            let kinds: [ClusterScenario.Kind] = [.crashMeasuring, .stallMeasuring, .stopMeasuring, .cutMeasuring]
            for run in run(seed, kind: kinds[Int(seed % 4)]) {
                trials += run.trials
                if run.stoppedIn == .measuring { stops += 1 }
                if run.failedIn == .measuring { verdicts += 1 }
            }
        }
        #expect(trials > 60 && verdicts > 10 && stops > 3, "\(trials) trials, \(verdicts) verdicts, \(stops) stops")
    }

    /// Each wrong shell is noticed in the kind of run that it spoils.
    @Test(arguments: ClusterSimulation.Flaw.allCases)
    func theInvariantsNoticeAWrongShell(flaw: ClusterSimulation.Flaw) {
        let kind: ClusterScenario.Kind =
            switch flaw {
            case .none: .undisturbed
            case .decidesTwice, .hearsReportersOnly: .crash
            case .forgetsARelease: .undisturbed
            case .deafToPlans: .stop
            case .appliesAnyway: .notFinite
            case .claimsToGetOn, .swallowsPings: .stall
            case .deafToJudgements: .misjudge
            case .trustsShares: .staleShares
            case .writesUnagreed: .undisturbed
            case .forgetsTheWatch: .stop
            case .keepsAMeasurement, .measuresNothing: .undisturbed
            }
        var noticed = 0
        for seed in 0..<30 as Range<UInt64>
        where run(seed, kind: kind, flaw: flaw).contains(where: { !$0.violations.isEmpty }) {
            noticed += 1
        }
        #expect(flaw == .none ? noticed == 0 : noticed > 0, "noticed in \(noticed) of 30 runs")
    }
}

extension ClusterSimulation {
    var isComplete: Bool {
        if case .finish(let result) = outcomes.first { result.outcome == .completed } else { false }
    }
}
