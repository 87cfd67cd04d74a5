extension ClusterSimulation {
    /// What happened in a run.
    package struct Counts {
        package var events = 0
        /// That struck someone.
        package var faults = 0
        package var coordinators = 0
        package var generations = 0
        package var incidents = 0
        package var trials = 0
        package var evaluations = 0
        package var levelled = 0
        package var snapshots = 0
        package var stops = 0
        package var verdicts = 0
        package var adopted = 0
        /// Copies and steps for observers, and how many of these became members with the state in hand.
        package var copies = 0
        package var fedSteps = 0
        package var overflows = 0
        package var promoted = 0
        /// Damage left no sound state that the cluster could have known from a damaged one.
        package var isExcused = false

        package init() {}

        package static func += (sum: inout Counts, more: Counts) {
            let numbers: [WritableKeyPath<Counts, Int>] = [
                \.events, \.faults, \.coordinators, \.generations, \.incidents, \.trials, \.evaluations, \.levelled,
                \.snapshots, \.stops, \.verdicts, \.copies, \.fedSteps, \.overflows, \.promoted,
            ]
            for number in numbers { sum[keyPath: number] += more[keyPath: number] }
            sum.isExcused = sum.isExcused || more.isExcused
        }
    }
}
