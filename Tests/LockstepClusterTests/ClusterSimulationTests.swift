import Testing

@Suite struct ClusterSimulationTests {
    @Test(arguments: 0..<12 as Range<UInt64>)
    func everyRunEndsOnceAndJustly(block: UInt64) {
        for seed in (block * 50)..<(block * 50 + 50) {
            let simulation = ClusterSimulation(seed: seed)
            simulation.run()
            #expect(
                simulation.violations.isEmpty,
                "seed \(seed): \(simulation.violations) \(simulation.scenario) \(simulation.outcomes)")
        }
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
            }
        var noticed = 0
        for seed in 0..<30 as Range<UInt64> {
            let simulation = ClusterSimulation(seed: seed, kind: kind, flaw: flaw)
            simulation.run()
            if !simulation.violations.isEmpty { noticed += 1 }
        }
        #expect(flaw == .none ? noticed == 0 : noticed > 0, "noticed in \(noticed) of 30 runs")
    }
}
