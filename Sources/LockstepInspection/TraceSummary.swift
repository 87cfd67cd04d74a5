internal import LockstepCore

/// Where the time of a run went.
package struct TraceSummary: Sendable {
    /// A stage of one worker, over the steps that count.
    package struct StageSummary: Sendable {
        package let stage: Stage
        /// Nanoseconds a step.
        package let median: UInt64
        package let p95: UInt64
        /// Part of the worker's time, 0 to 1; all stages add to 1.
        package let share: Double
    }

    package struct WorkerSummary: Sendable {
        /// Foreign text.
        package let name: String
        /// The steps that medians and shares are taken of.
        package let steps: Int
        /// Whether these are the sample, and not whatever was kept, slow steps before all.
        package let isSample: Bool
        package let failedSteps: Int
        package let median: UInt64
        package let p95: UInt64
        package let stages: [StageSummary]
        /// All-reduce in all these steps, and the part of it that no computation covered.
        package let communication: UInt64
        package let exposed: UInt64
        /// In how many steps the others waited for it, and how long the first of them on average.
        package let waitedForSteps: Int
        package let meanWait: UInt64?
    }

    /// Whom a step waited for.
    package struct Wait: Sendable {
        /// Foreign text.
        package let worker: String
        /// How long the first worker waited for it; nil where clocks of different machines would be compared.
        package let nanoseconds: UInt64?
    }

    package struct SlowStep: Sendable {
        package let step: UInt32
        package let epoch: UInt32?
        package let generation: UInt32?
        /// The longest of its workers.
        package let duration: UInt64
        package let wait: Wait?
        /// Where the worker that was waited for (or was slowest) took longest beyond its median.
        package let worker: String
        package let stage: Stage
        package let excess: UInt64
    }

    package struct FailedStep: Sendable {
        package let step: UInt32
        package let generation: UInt32?
        /// Foreign text.
        package let worker: String
    }

    /// A failure that the run survived.
    package struct Incident: Sendable {
        /// Where the one to blame was; nil where that is not known.
        package let step: UInt32?
        /// That went on.
        package let generation: UInt32?
        /// Nanoseconds since 1970 of the first sign, and until the run went on.
        package let start: UInt64
        package let duration: UInt64
        /// Foreign text: who, where, why, what was done.
        package let message: String
        /// Steps that were broken off on the way, with who did. Foreign texts.
        package let brokenOff: [FailedStep]
    }

    /// Spans outside of steps: the run, evaluations, snapshots that the coordinator writes.
    package struct OtherSpans: Sendable {
        /// Foreign texts.
        package let process: String
        package let name: String
        package var count: Int
        package var total: UInt64
        package var longest: UInt64
    }

    package let workers: [WorkerSummary]
    package let slowest: [SlowStep]
    package let failed: [FailedStep]
    /// In order of time.
    package let incidents: [Incident]
    package let others: [OtherSpans]
    /// How many different steps left spans.
    package let stepCount: Int
    package let firstStep: UInt32?
    package let lastStep: UInt32?
    package let notes: TraceNotes

    /// - Parameter slowest: how many slow steps are listed.
    package init(_ trace: Trace, slowest: Int = 5) {
        let records = StepRecord.all(in: trace)
        let waits = TraceSummary.waits(records, trace.processes)
        var byProcess: [Int: [StepRecord]] = [:]
        for record in records { byProcess[record.process, default: []].append(record) }
        let order = byProcess.keys.sorted {
            NaturalOrder.precedes(trace.processes[$0].name, trace.processes[$1].name, $0 < $1)
        }
        let waitsByWorker = Dictionary(grouping: waits.values, by: \.worker)
        var medians: [Int: [UInt64]] = [:]
        var workers: [WorkerSummary] = []
        for process in order {
            let own = byProcess[process] ?? []
            let basis = TraceSummary.basis(own)
            medians[process] = Stage.allCases.map { stage in Quantiles.median(basis.map { $0.times[stage] }) }
            let name = trace.processes[process].name
            workers.append(TraceSummary.worker(name, own, basis, waitsByWorker[name] ?? []))
        }
        self.workers = workers
        self.slowest = TraceSummary.slowest(slowest, records, waits, medians, trace.processes)
        failed = records.filter(\.isFailed).map {
            FailedStep(step: $0.step, generation: $0.generation, worker: trace.processes[$0.process].name)
        }
        incidents = TraceSummary.incidents(trace, failed: records.filter(\.isFailed))
        others = TraceSummary.others(trace)
        stepCount = Set(records.map(\.step)).count
        firstStep = records.first?.step
        lastStep = records.last?.step
        notes = trace.notes
    }

    /// The steps that stand for all: the sample, where it has at least ten, else all that were kept. Kept steps hold
    /// more slow ones than there were.
    private static func basis(_ records: [StepRecord]) -> [StepRecord] {
        let whole = records.filter { !$0.isFailed }
        let sample = whole.filter { $0.reason == .sample }
        return sample.count >= 10 ? sample : whole
    }

    private static func worker(_ name: String, _ records: [StepRecord], _ basis: [StepRecord], _ waits: [Wait])
        -> WorkerSummary
    {
        let durations = basis.map(\.duration).sorted()
        let totals = Stage.allCases.map { stage in
            basis.reduce(UInt64(0)) { $0.addingClamped($1.times[stage]) }
        }
        let whole = totals.reduce(0.0) { $0 + Double($1) }
        let stages = zip(Stage.allCases, totals).map { stage, total in
            let ascending = basis.map { $0.times[stage] }.sorted()
            return StageSummary(
                stage: stage, median: Quantiles.value(ascending, 0.5), p95: Quantiles.value(ascending, 0.95),
                share: whole > 0 ? Double(total) / whole : stage == .other ? 1 : 0)
        }
        let known = waits.compactMap(\.nanoseconds)
        let waited = known.reduce(UInt64(0)) { $0.addingClamped($1) }
        return WorkerSummary(
            name: name, steps: basis.count, isSample: !basis.isEmpty && basis.allSatisfy { $0.reason == .sample },
            failedSteps: records.count { $0.isFailed }, median: Quantiles.value(durations, 0.5),
            p95: Quantiles.value(durations, 0.95), stages: stages,
            communication: basis.reduce(0) { $0.addingClamped($1.times.communication) },
            exposed: totals[Stage.allReduce.index], waitedForSteps: waits.count,
            meanWait: known.isEmpty ? nil : waited / UInt64(known.count))
    }

    private static func slowest(
        _ count: Int, _ records: [StepRecord], _ waits: [StepKey: Wait], _ medians: [Int: [UInt64]],
        _ processes: [TraceProcess]
    ) -> [SlowStep] {
        var longest: [StepKey: StepRecord] = [:]
        var waitedFor: [StepKey: StepRecord] = [:]
        for record in records where !record.isFailed {
            let key = StepKey(record)
            if record.duration > longest[key]?.duration ?? 0 || longest[key] == nil { longest[key] = record }
            if processes[record.process].name == waits[key]?.worker { waitedFor[key] = record }
        }
        let order = longest.sorted { ($1.value.duration, $0.key) < ($0.value.duration, $1.key) }
        return order.prefix(count).map { key, record in
            let blamed = waitedFor[key] ?? record
            let usual = medians[blamed.process] ?? []
            // Whoever was waited for did not lose its time by waiting.
            let stages = Stage.allCases.filter { waitedFor[key] == nil || $0 != .allReduce }
            let excess = stages.map { stage in
                (stage, blamed.times[stage] - min(blamed.times[stage], usual.isEmpty ? 0 : usual[stage.index]))
            }
            let most = excess.max { $0.1 < $1.1 } ?? (.other, 0)
            return SlowStep(
                step: record.step, epoch: record.epoch, generation: record.generation, duration: record.duration,
                wait: waits[key], worker: processes[blamed.process].name, stage: most.0, excess: most.1)
        }
    }

    private static func others(_ trace: Trace) -> [OtherSpans] {
        struct Key: Hashable {
            let process: Int
            let name: String
        }
        let steps = Set(trace.spans.lazy.filter { $0.name == TraceName.step }.map(\.identifier))
        var found: [Key: OtherSpans] = [:]
        for span in trace.spans {
            guard span.name != TraceName.step, span.parent.map({ !steps.contains($0) }) ?? true else { continue }
            let key = Key(process: span.process, name: span.name)
            var entry =
                found[key]
                ?? OtherSpans(
                    process: trace.processes[span.process].name, name: span.name, count: 0, total: 0, longest: 0)
            entry.count += 1
            entry.total = entry.total.addingClamped(span.duration)
            entry.longest = max(entry.longest, span.duration)
            found[key] = entry
        }
        return found.values.sorted {
            $0.process == $1.process
                ? $0.name < $1.name : NaturalOrder.precedes($0.process, $1.process, $0.process < $1.process)
        }
    }
}
