import ClusterSimulation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Long runs of the simulation: `SimulateCluster --seeds N [--first S] [--flips] [--only KIND,KIND] [--deadline 50ms]
/// [--threads P] [--trace | --canaries]`. Exit code 1 where a seed fails; its faults are printed, as few as make it fail.
@main struct SimulateCluster {
    static func main() async {
        var arguments = CommandLine.arguments.dropFirst()
        var seeds: UInt64 = 1000
        var first: UInt64 = 0
        var threads = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        var isTraced = false
        var options = Scenario.Options()
        while let argument = arguments.popFirst() {
            let value = arguments.first
            switch argument {
            case "--seeds": seeds = number(argument, value)
            case "--first": first = number(argument, value)
            case "--threads": threads = Int(number(argument, value))
            case "--only": options.only = kinds(argument, value)
            case "--deadline":
                #if LOCKSTEP_FAILPOINTS
                options.deadline = milliseconds(argument, value) * 1_000_000
                #else
                fail("--deadline needs a build with -Xswiftc -DLOCKSTEP_FAILPOINTS: no other has shorter deadlines")
                #endif
            case "--flips":
                options.flips = true
                continue
            case "--trace":
                isTraced = true
                continue
            case "--canaries": exit(await findCanaries() ? 0 : 1)
            default:
                fail(
                    "unknown option \(argument); there are --seeds, --first, --flips, --only, --deadline, --threads, "
                        + "--trace, --canaries")
            }
            _ = arguments.popFirst()
        }
        if isTraced { return trace(first, options) }
        exit(await run(seeds, first, options, max(1, threads)) ? 0 : 1)
    }

    /// Splits the seeds among threads, one a core.
    private static func run(
        _ seeds: UInt64, _ first: UInt64, _ options: Scenario.Options, _ threads: Int
    ) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            for index in 0..<threads {
                let batch = SeedBatch(
                    first: first, seeds: seeds, stride: UInt64(threads), offset: UInt64(index), options: options)
                group.addTask { batch.run() }
            }
            var isSound = true
            for await isGood in group { isSound = isSound && isGood }
            return isSound
        }
    }

    /// What happens in a seed; where it fails, with as few faults as make it fail.
    private static func trace(_ seed: UInt64, _ options: Scenario.Options) {
        var scenario = Scenario(seed: seed, options: options)
        let trial = ClusterSimulation(scenario)
        trial.run()
        if let violation = trial.violation {
            var shrinker = Shrinker(scenario, violation: violation)
            shrinker.shrink()
            print(shrinker.report)
            scenario = shrinker.scenario
        }
        let simulation = ClusterSimulation(scenario, isTraced: true)
        simulation.run()
        for line in simulation.trace { print(line) }
        print(simulation.violation ?? "nothing was violated: \(simulation.counts)")
    }

    /// Says which seed shows each wrong protocol and shell.
    private static func findCanaries() async -> Bool {
        var areFound = true
        for canary in Canary.rules + Canary.flaws {
            if let (scenario, violation) = await canary.find() {
                print("\(canary): seed \(scenario.seed), \(violation)")
            } else {
                areFound = false
                print("\(canary): NOT FOUND in seeds \(canary.seeds)")
            }
            fflush(nil)
        }
        return areFound
    }

    private static func number(_ option: String, _ text: String?) -> UInt64 {
        guard let text, let number = UInt64(text) else { fail("\(option) needs a number") }
        return number
    }

    private static func kinds(_ option: String, _ text: String?) -> [Scenario.Menu] {
        let names = (text ?? "").split(separator: ",").map(String.init)
        let kinds = Scenario.Menu.allCases.filter { names.contains($0.rawValue) }
        guard !names.isEmpty, kinds.count == names.count else {
            let all = Scenario.Menu.allCases.map(\.rawValue).joined(separator: ", ")
            fail("\(option) needs kinds of faults, each once, with commas: \(all)")
        }
        return kinds
    }

    #if LOCKSTEP_FAILPOINTS
    private static func milliseconds(_ option: String, _ text: String?) -> UInt64 {
        guard let text, text.hasSuffix("ms"), let number = UInt64(text.dropLast(2)) else {
            fail("\(option) needs a time such as 50ms")
        }
        return number
    }
    #endif

    private static func fail(_ message: String) -> Never {
        print(message)
        exit(2)
    }
}
