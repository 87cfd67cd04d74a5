/// How long each stage of a step took, in nanoseconds. Every moment of the step counts once.
package struct StageTimes: Sendable, Hashable {
    private var nanoseconds: [UInt64]
    /// Time in which an all-reduce was under way, covered by computation or not.
    package private(set) var communication: UInt64 = 0

    package subscript(stage: Stage) -> UInt64 { nanoseconds[stage.index] }

    /// The part of `communication` that no computation covered.
    package var exposed: UInt64 { self[.allReduce] }

    /// The whole step.
    package var total: UInt64 { nanoseconds.reduce(0, +) }

    /// Divides the step from `start` to `end` among its stages; what lies outside of it is cut off.
    init(start: UInt64, end: UInt64, stages: [(stage: Stage, start: UInt64, end: UInt64)]) {
        nanoseconds = Array(repeating: 0, count: Stage.allCases.count)
        var edges: [(time: UInt64, stage: Stage, isStart: Bool)] = []
        edges.reserveCapacity(2 * stages.count)
        for part in stages {
            let (from, to) = (max(part.start, start), min(part.end, end))
            guard from < to else { continue }
            edges.append((from, part.stage, true))
            edges.append((to, part.stage, false))
        }
        edges.sort { $0.time < $1.time }
        var open = Array(repeating: 0, count: Stage.allCases.count)
        var time = start
        for edge in edges {
            note(from: time, to: edge.time, open)
            time = edge.time
            open[edge.stage.index] += edge.isStart ? 1 : -1
        }
        note(from: time, to: end, open)
    }

    private mutating func note(from start: UInt64, to end: UInt64, _ open: [Int]) {
        guard end > start else { return }
        let stage = Stage.precedence.first { open[$0.index] > 0 } ?? .other
        nanoseconds[stage.index] += end - start
        if open[Stage.allReduce.index] > 0 { communication += end - start }
    }
}
