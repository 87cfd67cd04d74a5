internal import LockstepCore

extension TraceSummary {
    /// The incidents of a trace, each with the steps that were broken off since the one before.
    static func incidents(_ trace: Trace, failed: [StepRecord]) -> [Incident] {
        let spans = trace.spans.filter { $0.name == TraceName.incident && $0.message != nil }
            .sorted { ($0.start, $0.generation ?? 0) < ($1.start, $1.generation ?? 0) }
        var previous: UInt32 = 0
        return spans.map { span in
            // Generations say what belongs to what; clocks of several machines do not.
            let next = span.generation ?? previous
            let brokenOff = failed.filter { record in
                record.generation.map { previous <= $0 && $0 < next } ?? false
            }
            previous = max(previous, next)
            return Incident(
                step: span.step, generation: span.generation, start: span.start, duration: span.duration,
                message: span.message ?? "",
                brokenOff: brokenOff.map {
                    FailedStep(step: $0.step, generation: $0.generation, worker: trace.processes[$0.process].name)
                })
        }
    }
}
