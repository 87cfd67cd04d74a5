import ClusterSimulation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The seeds of one thread.
struct SeedBatch: Sendable {
    let first: UInt64
    let seeds: UInt64
    let stride: UInt64
    let offset: UInt64
    let options: Scenario.Options

    /// Prints a line a minute, every seed that fails, and a summary.
    ///
    /// - Returns: whether none failed.
    func run() -> Bool {
        var done = 0
        var failing: [UInt64] = []
        var excused = 0
        var totals = ClusterSimulation.Counts()
        var fewestFaults = Int.max
        var spokeAt = time(nil)
        var seed = first + offset
        while seed < first + seeds {
            let scenario = Scenario(seed: seed, options: options)
            let simulation = ClusterSimulation(scenario)
            simulation.run()
            done += 1
            totals += simulation.counts
            fewestFaults = min(fewestFaults, simulation.counts.faults)
            if simulation.counts.isExcused { excused += 1 }
            if let violation = simulation.violation {
                failing.append(seed)
                say("seed \(seed): \(violation)")
                var shrinker = Shrinker(scenario, violation: violation, runs: 200)
                shrinker.shrink()
                say(shrinker.report)
            }
            if time(nil) >= spokeAt + 60 {
                spokeAt = time(nil)
                say("\(done) seeds, \(totals.faults) faults, \(failing.count) failing")
            }
            seed += stride
        }
        say(
            "\(done) seeds from \(first + offset) by \(stride): \(totals.faults) faults (\(fewestFaults) or more a run), "
                + "\(totals.events) events, "
                + "\(totals.generations) generations, \(totals.coordinators) coordinators, \(totals.incidents) incidents, "
                + "\(totals.copies) copies for observers, \(totals.fedSteps) steps fed, \(totals.overflows) overflows, "
                + "\(totals.promoted) promoted, "
                + "\(excused) excused, \(failing.count) failing: \(failing)")
        return failing.isEmpty
    }
    private func say(_ text: String) {
        print(text)
        fflush(nil)
    }
}
