#if LOCKSTEP_FAILPOINTS
/// The one door by which faults for tests enter a process: `LOCKSTEP_FAILPOINTS`, a list such as
/// `loss-not-finite=3:5,flip-parameter=7:w1,kill=5:backward:w1,once=DIRECTORY`. Compiled into debug builds only.
///
/// | item | what happens |
/// |---|---|
/// | `exit`, `kill`, `stop`, `hang`, `drop-links` `=STEP:POINT:WHO` | the process that is called so does that when it passes the point with that step, or a later one, in hand |
/// | `slow=STEP:POINT:WHO` | each time that the process passes the point with that step, or a later one, in hand it waits a quarter of a second, until there is a file `proceed` in the directory of `once`: so a run is not over before a test has seen what it waits for |
/// | `loss-not-finite=STEP:LANE` | the lane's loss is not a number |
/// | `flip-parameter=STEP:WORKER` | a bit of the worker's parameters flips before the step |
/// | `wrong-lane=STEP:WORKER` | from that step on the worker's process computes each lane that is audited wrongly, each time in another way; so does no process that takes its place |
/// | `wrong-lane-once=STEP:WORKER` | the worker computes one such lane wrongly |
/// | `records-per-key=COUNT` | TLS records after which a data link wants a successor |
/// | `deadlines=MILLISECONDS` | all time-outs that notice failures are so short |
/// | `absence=MILLISECONDS` | a process that the launcher started hangs when it has had no connection for so long |
/// | `once=DIRECTORY` | each fault once, not once in each process: what happens leaves a file of its name there |
struct Failpoints: Sendable {
    /// What a process does to itself.
    enum Fault: String, Sendable {
        /// Ends without a word.
        case exit
        /// SIGKILL.
        case kill
        /// SIGSTOP; somebody else may send SIGCONT.
        case stop
        /// The thread never goes on; the others do.
        case hang
        /// Its links to other workers are cut.
        case dropLinks = "drop-links"
        /// Waits a little, each time, until it is told to proceed.
        case slow
    }

    /// Where.
    enum Point: String, Sendable {
        // Of a worker.
        case preparing, linking, levelling, load, forward, backward, allReduce, record, update, snapshot, freezing
        /// Of a source: a part of a copy of S(step) has gone out to an observer.
        case feeding
        /// Of an observer: it takes an item that makes S(step).
        case observing
        /// Of a coordinator: the roster is journaled, nobody has heard of it.
        case deciding
        /// Of a coordinator: a START may have gone out.
        case starting
        /// Of a coordinator: a FREEZE may have gone out.
        case stopping
    }

    struct Planned: Sendable, Equatable {
        var fault: Fault
        var step: UInt32
        var point: Point
        /// A worker's name, or `coordinator`.
        var process: String

        /// The name of the file that says that it has happened.
        var name: String { "\(fault.rawValue)-\(step)-\(point.rawValue)-\(process)" }
    }

    private(set) var planned: [Planned] = []
    /// Step and lane whose loss is made not a number.
    private(set) var lossNotFinite: (step: Int, lane: Int)?
    /// Step before which the named worker flips a bit of its parameters.
    private(set) var flipParameter: (step: Int, worker: String)?
    /// From which step on the named worker computes audited lanes wrongly.
    private(set) var wrongLane: (step: Int, worker: String, isLasting: Bool)?
    /// TLS records after which a data link wants a successor.
    private(set) var recordsPerKey: Int?
    /// Nanoseconds.
    private(set) var deadline: UInt64?
    /// Nanoseconds.
    private(set) var absence: UInt64?
    /// Where what has happened is noted, for all processes.
    private(set) var notes: String?

    init(_ text: String) {
        for item in text.split(separator: ",") {
            let halves = item.split(separator: "=", maxSplits: 1).map(String.init)
            guard halves.count == 2 else { continue }
            let parts = halves[1].split(separator: ":").map(String.init)
            if halves[0] == "once" { notes = halves[1] }
            guard let number = parts.first.flatMap({ Int($0) }) else { continue }
            switch (halves[0], parts.count) {
            case ("loss-not-finite", 2): lossNotFinite = Int(parts[1]).map { (number, $0) }
            case ("flip-parameter", 2): flipParameter = (number, parts[1])
            case ("wrong-lane", 2): wrongLane = (number, parts[1], true)
            case ("wrong-lane-once", 2): wrongLane = (number, parts[1], false)
            case ("records-per-key", 1): recordsPerKey = number
            case ("deadlines", 1): deadline = UInt64(number) * 1_000_000
            case ("absence", 1): absence = UInt64(number) * 1_000_000
            case (let name, 3):
                guard let fault = Fault(rawValue: name), let point = Point(rawValue: parts[1]) else { continue }
                planned.append(
                    Planned(fault: fault, step: UInt32(clamping: number), point: point, process: parts[2]))
            default: break
            }
        }
    }
}
#endif
