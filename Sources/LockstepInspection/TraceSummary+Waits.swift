extension TraceSummary {
    /// An attempt at a step.
    struct StepKey: Hashable, Comparable {
        let step: UInt32
        let generation: UInt32

        init(_ record: StepRecord) {
            step = record.step
            generation = record.generation ?? 0
        }

        static func < (left: StepKey, right: StepKey) -> Bool {
            (left.step, left.generation) < (right.step, right.generation)
        }
    }

    /// Whom the workers of each step waited for.
    ///
    /// On one machine it is the worker whose backward ended last. Clocks of different machines are not compared; there
    /// it is the one that most all-reduces name.
    static func waits(_ records: [StepRecord], _ processes: [TraceProcess]) -> [StepKey: Wait] {
        var steps: [StepKey: [StepRecord]] = [:]
        for record in records where !record.isFailed { steps[StepKey(record), default: []].append(record) }
        return steps.compactMapValues { records in
            guard Set(records.map(\.process)).count > 1 else { return nil }
            return Set(records.map { processes[$0.process].host }).count == 1
                ? lastArrival(records, processes) : mostNamed(records)
        }
    }

    private static func lastArrival(_ records: [StepRecord], _ processes: [TraceProcess]) -> Wait? {
        let arrivals = records.compactMap { record in record.arrival.map { (time: $0, process: record.process) } }
        guard arrivals.count > 1, let last = arrivals.max(by: { $0.time < $1.time }),
            let first = arrivals.map(\.time).min()
        else { return nil }
        return Wait(worker: processes[last.process].name, nanoseconds: last.time - first)
    }

    private static func mostNamed(_ records: [StepRecord]) -> Wait? {
        var votes: [String: Int] = [:]
        for name in records.compactMap(\.waitedFor) { votes[name, default: 0] += 1 }
        let most = votes.max { ($0.value, $1.key) < ($1.value, $0.key) }
        return most.map { Wait(worker: $0.key, nanoseconds: nil) }
    }
}
