import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite struct ExchangeTests {
    /// How many times as many seeds as in everyday runs: `LOCKSTEP_SIMULATIONS=200` in a release build runs a million.
    private static let factor = getenv("LOCKSTEP_SIMULATIONS").flatMap { UInt64(String(cString: $0)) } ?? 1
    private static let blocks: UInt64 = 20

    @Test(arguments: 0..<blocks)
    func everyMemberEndsWithTheTreeSum(block: UInt64) throws {
        let count = 250 * ExchangeTests.factor
        var coverage = ExchangeSimulation.Coverage()
        var failures = 0
        for seed in (block * count)..<((block + 1) * count) where failures < 5 {
            let scenario = ExchangeScenario(seed: seed)
            let simulation = try ExchangeSimulation(scenario)
            do {
                let outcome = try simulation.run()
                let isRight =
                    simulation.coverage.disturbances == 0
                    ? outcome == .complete : ExchangeTests.isRight(outcome, of: simulation)
                if !isRight {
                    failures += 1
                    Issue.record("\(scenario): \(outcome)")
                }
            } catch {
                failures += 1
                Issue.record("\(scenario): \(error)")
            }
            coverage.add(simulation.coverage)
        }
        // One turn ahead shows as a lead of one finished turn, never more.
        #expect(coverage.greatestLead == 1)
        // What is there to be tested did happen.
        #expect(coverage.holds > 0 && coverage.sums > 0 && coverage.reductions > 0, "\(coverage)")
        #expect(coverage.earlyFrames > 0 && coverage.disturbances > 0, "\(coverage)")
    }

    /// After a disturbance no wrong sum is made (the run would have failed), and nobody goes on as if nothing were.
    private static func isRight(_ outcome: ExchangeSimulation.Outcome, of simulation: ExchangeSimulation) -> Bool {
        switch (simulation.scenario.disturbance, outcome) {
        // The link may have ended behind its last frame.
        case (.cut, .complete): true
        case (.cut, .standstill), (.drop, .standstill): simulation.standstillIsExplained
        case (.drop, .refused), (.duplicate, .refused), (.stale, .refused): true
        // The frame that should come again had no time left to do so.
        case (.stale, .complete): !simulation.repeatedFrame || simulation.isHeld
        // A frame behind the last round of a trial waits for the next trial.
        case (.duplicate, .complete): simulation.isHeld
        default: false
        }
    }

    /// Nine members, four rails, buckets of one float: most slices and pieces are empty.
    @Test(arguments: [0, 1, 16, 40, 200])
    func emptyPiecesHoldNobodyUp(elements: Int) throws {
        for seed in 0..<20 as Range<UInt64> {
            let scenario = ExchangeScenario(
                seed: seed, lanes: 11, workers: 9, elements: elements,
                settings: ExchangeSettings(oneHopBytes: 0, chunkBytes: 64, links: 4),
                schedule: TurnSchedule(stepsDone: 0, lastStep: 3, evaluationBatches: 0))
            let outcome = try ExchangeSimulation(scenario).run()
            #expect(outcome == .complete, "\(scenario)")
        }
    }

    @Test(arguments: ExchangeScenario.Flaw.allCases)
    func theOracleNoticesAWrongShell(flaw: ExchangeScenario.Flaw) throws {
        var noticed = 0
        for seed in 0..<20 as Range<UInt64> {
            var scenario = ExchangeScenario(
                seed: seed, lanes: 7, workers: 3, elements: 200,
                settings: ExchangeSettings(
                    bucketBoundaries: [64], oneHopBytes: seed % 2 == 0 ? 1024 : 0, chunkBytes: 64, links: 2),
                schedule: TurnSchedule(
                    stepsDone: 0, lastStep: 3, evaluationBatches: 0,
                    validation: flaw == .judgesAlone ? .init(batches: 1, stepsPerEpoch: 1) : nil))
            let good = try ExchangeSimulation(scenario).run()
            #expect(good == .complete)
            scenario.flaw = flaw
            do {
                if case .refused = try ExchangeSimulation(scenario).run() {
                    // The frames of one that judges alone have no place at the others.
                    #expect(flaw == .judgesAlone)
                    noticed += 1
                }
            } catch is ExchangeSimulation.Failure { noticed += 1 }
        }
        print("\(flaw): noticed in \(noticed) of 20")
        #expect(noticed > 0)
    }
}

extension ExchangeSimulation.Coverage {
    fileprivate mutating func add(_ other: Self) {
        holds += other.holds
        sums += other.sums
        reductions += other.reductions
        earlyFrames += other.earlyFrames
        greatestLead = max(greatestLead, other.greatestLead)
        disturbances += other.disturbances
    }
}
