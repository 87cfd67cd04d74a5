/// The names in traces: those who write spans and those who read them agree here. `docs/tracing.md` explains them.
public enum TraceName {
    /// Spans.
    public static let run = "run"
    public static let step = "step"
    public static let load = "load"
    public static let forward = "forward"
    public static let backward = "backward"
    public static let allReduce = "all-reduce"
    public static let update = "update"
    public static let snapshot = "snapshot"
    /// A failure that the run survived, from its first sign until it went on.
    public static let incident = "incident"
    /// Of a worker that follows the run without computing, from when it is fed until it is a member, or gone.
    public static let observation = "observation"

    /// Attributes of a step.
    public static let stepNumber = "lockstep.step"
    public static let epoch = "lockstep.epoch"
    public static let worker = "lockstep.worker"
    public static let generation = "lockstep.generation"
    /// Why the step was kept: `sample`, `failed`, `slow` or `first`.
    public static let kept = "lockstep.kept"
    /// How many spans this process has lost so far, for want of room.
    public static let droppedSpans = "lockstep.droppedSpans"

    /// Of an incident: who, where, why, and what was done.
    public static let message = "message"

    /// Of an observation: who fed it last, and whether it was kept as a spare.
    public static let source = "source"
    public static let isSpare = "isSpare"

    /// Attributes of an all-reduce: how much of it no computation covered, and the member it waited for last.
    public static let exposedNanoseconds = "exposedNanoseconds"
    public static let waitedFor = "waitedFor"

    /// Attributes of the process.
    public static let serviceName = "service.name"
    public static let serviceInstance = "service.instance.id"
    public static let host = "host.name"

    /// `service.name` of all processes.
    public static let service = "lockstep"
    /// What names of span files end with.
    public static let fileSuffix = ".otlp.jsonl"
}
