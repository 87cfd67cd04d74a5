/// Finds fewer faults that still make a seed fail.
package struct Shrinker {
    package private(set) var scenario: Scenario
    package private(set) var violation: String
    private let flaw: Flaw
    private var runsLeft: Int

    /// - Parameter runs: so many simulations at most.
    package init(_ scenario: Scenario, flaw: Flaw = .none, violation: String, runs: Int = 400) {
        self.scenario = scenario
        self.flaw = flaw
        self.violation = violation
        runsLeft = runs
    }

    /// Leaves out halves, quarters, … and at last single faults, as long as something still does not hold.
    package mutating func shrink() {
        var size = max(1, scenario.faults.count / 2)
        while runsLeft > 0 {
            var start = 0
            var hasShrunk = false
            while start < scenario.faults.count, runsLeft > 0 {
                if fails(without: start..<min(start + size, scenario.faults.count)) {
                    hasShrunk = true
                } else {
                    start += size
                }
            }
            if size == 1, !hasShrunk { return }
            if size > 1 { size /= 2 }
        }
    }

    private mutating func fails(without range: Range<Int>) -> Bool {
        var fewer = scenario
        fewer.faults.removeSubrange(range)
        runsLeft -= 1
        let simulation = ClusterSimulation(fewer, flaw: flaw)
        simulation.run()
        guard let violation = simulation.violation else { return false }
        scenario = fewer
        self.violation = violation
        return true
    }

    /// What somebody needs who looks for the cause.
    package var report: String {
        let faults = scenario.faults.map { "  \($0)" }.joined(separator: "\n")
        return "seed \(scenario.seed): \(violation)\nworkers: \(scenario.workers), faults:\n\(faults)"
    }
}
