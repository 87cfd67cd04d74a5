import ClusterSimulation
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Whole clusters in one thread. A seed that fails is shown with as few faults as make it fail; to see what happens in it:
/// `swift run SimulateCluster --first SEED --trace`.
///
/// One at a time, and with a pause after each seed: tests that wait for sockets need the threads too.
@Suite(.serialized) struct ClusterSimulationTests {
    /// How many times as many seeds as in everyday runs.
    private static let factor = getenv("LOCKSTEP_SIMULATIONS").flatMap { UInt64(String(cString: $0)) } ?? 1

    private func check(_ seed: UInt64, _ options: Scenario.Options) async -> ClusterSimulation.Counts {
        await Task.yield()
        let scenario = Scenario(seed: seed, options: options)
        let simulation = ClusterSimulation(scenario)
        simulation.run()
        if let violation = simulation.violation {
            var shrinker = Shrinker(scenario, violation: violation, runs: 60)
            shrinker.shrink()
            Issue.record(Comment(rawValue: shrinker.report))
        }
        return simulation.counts
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func everyRunEndsWithTheStateOfAnUndisturbedOne(block: UInt64) async {
        var totals = ClusterSimulation.Counts()
        let seeds = block * 20 * Self.factor..<(block + 1) * 20 * Self.factor
        for seed in seeds {
            let counts = await check(seed, Scenario.Options())
            #expect(counts.faults >= Scenario.fewestFaults, "seed \(seed): \(counts)")
            totals += counts
        }
        // What is to be simulated does happen.
        #expect(totals.levelled > 0 && totals.coordinators > seeds.count, "\(totals)")
        #expect(totals.copies > 0 && totals.fedSteps > 0 && totals.promoted > 0, "\(totals)")
    }

    /// Time-outs decide nothing.
    @Test func deadlinesThatAreMuchTooShortOnlyTakeLonger() async {
        var options = Scenario.Options()
        options.deadline = 50_000_000
        for seed in 0..<10 * Self.factor { _ = await check(seed, options) }
    }

    @Test func damageIsFound() async {
        var options = Scenario.Options()
        options.flips = true
        for seed in 0..<20 * Self.factor { _ = await check(seed, options) }
    }

    @Test func aSeedGivesTheSameTwice() {
        let runs = (0..<2).map { _ in
            let simulation = ClusterSimulation(Scenario(seed: 7), isTraced: true)
            simulation.run()
            return simulation.trace
        }
        #expect(runs[0] == runs[1] && runs[0].count > 100)
    }

    /// Each wrong protocol and each wrong shell is noticed, where the same faults do no harm to a right one.
    @Test(arguments: Canary.rules + Canary.flaws)
    func aWrongClusterIsNoticed(canary: Canary) async {
        #expect(await canary.find() != nil, "seeds \(canary.seeds)")
    }

    @Test func aFailingSeedIsShownWithFewFaults() async throws {
        let canary = try #require(Canary.flaws.first { $0.flaw == .deafToEnds })
        let (scenario, violation) = try #require(await canary.find())
        var shrinker = Shrinker(scenario, flaw: canary.flaw, violation: violation, runs: 150)
        shrinker.shrink()
        #expect(
            scenario.faults.count > 10 && 2 * shrinker.scenario.faults.count < scenario.faults.count,
            "\(shrinker.report)")
    }
}
