package import LockstepCluster

/// A wrong protocol or a wrong shell, and what befalls clusters in which it shows: the simulation must notice each within so
/// many seeds, and nothing where all is right.
package struct Canary: Sendable, CustomStringConvertible {
    package let description: String
    package let flaw: Flaw
    package let options: Scenario.Options
    /// Within these seeds it must be noticed. Rare ones do not begin with 0, to save time.
    package let seeds: Range<UInt64>

    init(
        _ description: String, within seeds: UInt64, from first: UInt64 = 0, flaw: Flaw = .none,
        faults: [Scenario.Menu]? = nil,
        flips: Bool = false, deadline: UInt64? = nil, needsAll: Bool = false,
        rules: (inout ProtocolRules) -> Void = { _ in }
    ) {
        self.description = description
        self.flaw = flaw
        self.seeds = first..<first + seeds
        var options = Scenario.Options()
        options.only = faults
        options.flips = flips
        options.deadline = deadline
        options.needsAll = needsAll
        rules(&options.rules)
        self.options = options
    }

    /// - Returns: the first scenario that shows it and what was violated; nil where none of the seeds does.
    package func find() async -> (scenario: Scenario, violation: String)? {
        for seed in seeds {
            // Others may wait for this thread.
            await Task.yield()
            let scenario = Scenario(seed: seed, options: options)
            let simulation = ClusterSimulation(scenario, flaw: flaw)
            simulation.run()
            if let violation = simulation.violation, isSound(seed) { return (scenario, violation) }
        }
        return nil
    }

    /// Whether the same faults do no harm where nothing is wrong.
    private func isSound(_ seed: UInt64) -> Bool {
        var options = options
        options.rules = ProtocolRules()
        let simulation = ClusterSimulation(Scenario(seed: seed, options: options))
        simulation.run()
        return simulation.violation == nil
    }

    /// Wrong shells.
    package static let flaws: [Canary] = [
        Canary("actions before the journal", within: 20, flaw: .journalsLater, faults: [.kill]),
        Canary(
            "a crash loses what was acted upon", within: 60, flaw: .forgetsJournal,
            faults: [.killCoordinator, .kill, .cutControl]),
        Canary("copies that nobody compares", within: 200, flaw: .trustsCopies, faults: [.kill, .flip], flips: true),
        Canary("a hung computation that says it has parked", within: 60, flaw: .parksHung, faults: [.hang]),
        Canary("a coordinator deaf to ends", within: 60, flaw: .deafToEnds, faults: [.kill]),
        Canary("a worker deaf to plans", within: 400, from: 50, flaw: .deafToPlans, faults: [.join, .drain]),
        Canary(
            "a worker that applies what is not finite", within: 200, from: 60, flaw: .appliesAnyway,
            faults: [.notFinite]),
        Canary("workers that apply a damaged state", within: 60, flaw: .appliesCorrupt, faults: [.flip], flips: true),
        Canary("shares that nobody compares", within: 200, flaw: .trustsShares, faults: [.staleShares]),
        Canary("a snapshot that nobody agreed on", within: 60, flaw: .writesUnagreed, faults: [.kill]),
        Canary("a resume that forgets what was judged", within: 200, flaw: .forgetsTheWatch, faults: [.stopRun]),
        Canary("a measurement kept back", within: 20, flaw: .keepsAMeasurement, faults: [.kill]),
        Canary("a trial answered too early", within: 60, flaw: .measuresNothing, faults: [.kill]),
        Canary("a feed from a live state", within: 60, flaw: .feedsLive, faults: [.kill, .join]),
        Canary("a feed that skips a step", within: 60, flaw: .skipsAStep, faults: [.kill, .join]),
    ]

    #if LOCKSTEP_FAILPOINTS
    /// Wrong rules of the cores.
    package static let rules: [Canary] = [
        Canary("a start without a freeze", within: 60, faults: [.kill, .cutLink]) { $0.startsWithoutFreeze = true },
        Canary("a generation decided twice", within: 60, faults: [.kill, .cutLink, .cutControl, .join]) {
            $0.decidesTwice = true
        },
        Canary(
            "hashes judged over members", within: 3000, from: 1990,
            faults: [.flip, .cutLink, .partition, .block, .kill, .stop],
            flips: true
        ) { $0.judgesMembersOnly = true },
        Canary("n* from reports", within: 100, faults: [.kill, .cutLink]) { $0.usesReportedStep = true },
        Canary(
            "deadlines that never double", within: 200, faults: [.slow, .kill, .stop], deadline: 50_000_000
        ) { $0.keepsDeadlines = true },
        Canary("a flag's freeze that sends nothing out", within: 400, from: 330, faults: [.join, .leave, .drain]) {
            $0.dropsQueuedFrames = true
        },
        Canary("a copy in place", within: 400, from: 100, faults: [.kill, .join, .cutLink, .stop, .isolate]) {
            $0.copiesInPlace = true
        },
        Canary("an observer that goes on after FROZEN", within: 400, faults: [.kill, .join, .cutLink, .slowObserver]) {
            $0.observesWhileFrozen = true
        },
        Canary(
            "an observer that believes a feed which skips a step", within: 60, flaw: .skipsAStep,
            faults: [.kill, .join]
        ) { $0.trustsFeeds = true },
        Canary("who leaves hands nothing over to too few", within: 100, faults: [.drain, .cutLink], needsAll: true) {
            $0.losesLeavers = true
        },
        Canary(
            "the newest state, whoever vouches for it", within: 100, from: 100_180,
            faults: [.kill, .stop, .cutLink, .flip], flips: true
        ) { $0.trustsLoneVoices = true },
        Canary("one reporter", within: 60, faults: [.kill, .stop, .cutControl, .cutLink]) {
            $0.hearsOneReporter = true
        },
        Canary("links that are dialled once", within: 60, from: 30, faults: [.kill, .stop, .cutLink]) {
            $0.dialsNobodyAgain = true
        },
    ]
    #else
    package static let rules: [Canary] = []
    #endif
}
