package import LockstepFormats

extension TraceSummary {
    /// The summary as `lockstep trace summary --json` prints it; times are nanoseconds, shares add to 1.
    package var json: JSONValue {
        [
            "steps": .number(stepCount), "firstStep": TraceSummary.orNull(firstStep),
            "lastStep": TraceSummary.orNull(lastStep),
            "workers": .array(workers.map(\.json)),
            "slowest": .array(slowest.map(\.json)),
            "failed": .array(
                failed.map {
                    [
                        "step": .number($0.step), "generation": TraceSummary.orNull($0.generation),
                        "worker": .string($0.worker),
                    ]
                }),
            "incidents": .array(incidents.map(\.json)),
            "outsideOfSteps": .array(
                others.map {
                    [
                        "process": .string($0.process), "name": .string($0.name), "count": .number($0.count),
                        "nanoseconds": .number($0.total), "longestNanoseconds": .number($0.longest),
                    ]
                }),
            "files": .number(notes.files), "brokenLines": .number(notes.brokenLines),
            "droppedSpans": .number(notes.droppedSpans), "leftOutSpans": .number(notes.leftOutSpans),
        ]
    }

    fileprivate static func orNull(_ value: (some FixedWidthInteger)?) -> JSONValue {
        value.map { .number($0) } ?? .null
    }
}

extension TraceSummary.WorkerSummary {
    fileprivate var json: JSONValue {
        [
            "name": .string(name), "steps": .number(steps), "isSample": .bool(isSample),
            "failedSteps": .number(failedSteps), "medianNanoseconds": .number(median), "p95Nanoseconds": .number(p95),
            "stages": .array(
                stages.map {
                    [
                        "name": .string($0.stage.rawValue), "medianNanoseconds": .number($0.median),
                        "p95Nanoseconds": .number($0.p95), "share": .number($0.share),
                    ]
                }),
            "communicationNanoseconds": .number(communication), "exposedNanoseconds": .number(exposed),
            "waitedForSteps": .number(waitedForSteps), "meanWaitNanoseconds": TraceSummary.orNull(meanWait),
        ]
    }
}

extension TraceSummary.Incident {
    fileprivate var json: JSONValue {
        [
            "step": TraceSummary.orNull(step), "generation": TraceSummary.orNull(generation),
            "start": .string(String(start)), "nanoseconds": .number(duration), "message": .string(message),
            "brokenOff": .array(brokenOff.map { ["step": .number($0.step), "worker": .string($0.worker)] }),
        ]
    }
}

extension TraceSummary.SlowStep {
    fileprivate var json: JSONValue {
        [
            "step": .number(step), "epoch": TraceSummary.orNull(epoch), "generation": TraceSummary.orNull(generation),
            "nanoseconds": .number(duration), "waitedFor": wait.map { .string($0.worker) } ?? .null,
            "waitNanoseconds": TraceSummary.orNull(wait?.nanoseconds), "worker": .string(worker),
            "stage": .string(stage.rawValue), "excessNanoseconds": .number(excess),
        ]
    }
}
