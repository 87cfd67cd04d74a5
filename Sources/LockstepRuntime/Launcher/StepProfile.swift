internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepEngine
internal import LockstepFormats
internal import LockstepJobs

/// Where the time of a training step goes: the steps of a lone worker in this process, operation by operation.
struct StepProfile: Sendable {
    /// The median step of each operation, in the order in which they run.
    let rows: [OperationTime]
    /// Nanoseconds of the median step.
    let step: Double
    /// What a core and its memory can do, measured in the same run.
    let gigaflops: Double
    let gigabytes: Double

    /// So long steps are measured, after a few that are not counted.
    private static let nanoseconds: UInt64 = 2_000_000_000
    private static let warmUp = 3
    private static let fewest = 5

    /// - Throws: `CommandError` where memory or threads do not suffice.
    init(_ job: ResolvedJob, threads: Int, kernels: Kernels) throws {
        let state = try FlatState(plan: job.plan, seed: job.seed)
        let schedule = TurnSchedule(stepsDone: 0, lastStep: UInt32(clamping: job.stepCount), evaluationBatches: 0)
        let member = Roster.Member(
            name: "bench", process: ProcessNumber(1), host: "", ports: [], lanes: 0..<job.laneTree.laneCount)
        let work = try GenerationWork(
            roster: Roster(
                generation: 1, members: [member], startStep: 0, stateHash: state.hash(kernels),
                exchange: ExchangeSettings()),
            own: 0, job: job, kernels: kernels, threads: threads, schedule: schedule, isTimed: true)
        var steps: [[OperationTime]] = []
        var turn: Turn? = schedule.first
        let start = MonotonicClock.nanoseconds()
        while let current = turn, current.phase == .train {
            steps.append(try StepProfile.step(current, of: work, state))
            if steps.count >= StepProfile.warmUp + StepProfile.fewest,
                MonotonicClock.nanoseconds() - start >= StepProfile.nanoseconds
            {
                break
            }
            turn = schedule.successor(of: current)
        }
        let counted = steps.dropFirst(min(StepProfile.warmUp, steps.count - 1))
        let medians = (counted.first ?? []).indices.map { index in
            var row = counted[counted.startIndex][index]
            row.nanoseconds = StepProfile.median(counted.map { $0[index].nanoseconds })
            return row
        }
        rows = medians.dropLast().filter { $0.nanoseconds > 0 }
        step = Double(medians.last?.nanoseconds ?? 0)
        gigaflops = CoreLimit.gigaflops(kernels)
        gigabytes = MemoryLimit.gigabytes(kernels, floats: job.plan.layout.count)
    }

    /// Does a step. The last row is the whole step.
    private static func step(_ turn: Turn, of work: GenerationWork, _ state: FlatState) throws -> [OperationTime] {
        let start = MonotonicClock.nanoseconds()
        try work.compute(turn, state: state) { _ in }
        let record = work.record(state: state, askedGeneration: 0, judgement: nil, hashesState: false)
        let summary = try RecordSummary(records: [record], tree: work.plan.tree, sumCount: work.plan.sumCount)
        let recorded = MonotonicClock.nanoseconds()
        guard work.totalIsFinite else { throw CommandError.failed("the gradient of step \(turn.step) is not finite") }
        let checked = MonotonicClock.nanoseconds()
        work.apply(turn, summary, plateauFactor: 1, to: state)
        let end = MonotonicClock.nanoseconds()
        let gradientBytes = 4 * Double(state.layout.count)
        let vectors = 1 + state.vectors.count - (state.keepsBest ? 1 : 0)
        let waiting = work.times.loadEnd - work.times.loadStart
        let operations = work.takeTimes()
        let known = operations.reduce(waiting) { $0 + $1.nanoseconds } + (end - recorded)
        return [OperationTime(name: "waiting for samples", nanoseconds: waiting)] + operations + [
            OperationTime(name: "check of the gradient", nanoseconds: checked - recorded, bytes: gradientBytes),
            // Parameters and the optimizer's vectors are read and written, the gradient is read.
            OperationTime(
                name: "update", nanoseconds: end - checked,
                bytes: gradientBytes * Double(1 + 2 * vectors)),
            OperationTime(name: "everything else", nanoseconds: end - start - min(known, end - start)),
            OperationTime(name: "the whole step", nanoseconds: end - start),
        ]
    }

    private static func median(_ values: [UInt64]) -> UInt64 { values.sorted()[values.count / 2] }

    /// Of the limit that is nearer, the core's multiply-adds or the memory; nil where nothing is counted.
    private func share(_ row: OperationTime) -> Double? {
        guard row.flops > 0 || row.bytes > 0 else { return nil }
        let time = Double(row.nanoseconds)
        return max(row.flops / time / gigaflops, row.bytes / time / gigabytes)
    }

    /// A line for each operation, for people.
    var lines: [String] {
        var table = [["operation", "ms", "of step", "GFLOP/s", "GB/s", "of limit"]]
        for row in rows {
            let time = Double(row.nanoseconds)
            table.append([
                row.name, NumberText.fixed(time / 1e6, 3), "\(NumberText.fixed(100 * time / step, 1)) %",
                row.flops > 0 ? NumberText.fixed(row.flops / time, 1) : "",
                row.bytes > 0 ? NumberText.fixed(row.bytes / time, 1) : "",
                share(row).map { "\(NumberText.fixed(100 * $0, 0)) %" } ?? "",
            ])
        }
        table.append(["the whole step", NumberText.fixed(step / 1e6, 3), "", "", "", ""])
        let widths = table[0].indices.map { column in table.map { $0[column].count }.max() ?? 0 }
        let lines = table.map { row in
            row.enumerated().map { column, text in
                let padding = String(repeating: " ", count: widths[column] - text.count)
                return column == 0 ? text + padding : padding + text
            }.joined(separator: "  ")
        }
        return lines + [
            "limits, measured in this run: \(NumberText.fixed(gigaflops, 1)) GFLOP/s a core, "
                + "\(NumberText.fixed(gigabytes, 1)) GB/s over vectors of the model's size"
        ]
    }

    /// The same as JSON, a value for each operation.
    var values: [JSONValue] {
        rows.map { row in
            let time = Double(row.nanoseconds)
            return [
                "event": "benchOperation", "operation": .string(row.name), "milliseconds": .number(time / 1e6),
                "shareOfStep": .number(time / step), "gigaflops": .number(row.flops / time),
                "gigabytesPerSecond": .number(row.bytes / time),
                "shareOfLimit": share(row).map { .number($0) } ?? .null,
            ]
        }
    }
}
