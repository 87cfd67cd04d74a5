package import LockstepCollectives
package import LockstepCore

/// What a worker's core hears of.
package enum WorkerEvent: Sendable {
    /// A control connection is open. The newest one counts.
    case connected(ConnectionNumber)
    case message(ConnectionNumber, ControlMessage)
    case controlLost(ConnectionNumber, reason: String)
    /// A ping came on the newest control connection, and the shell answered it: the coordinator lives.
    case heard
    /// The answer to `prepare`.
    case prepared(WorkerPreparation)
    case unable(Unable)
    /// A data link is open, with greetings exchanged.
    case linked(peer: String, generation: UInt32)
    /// A data link broke, could not be made, or carried a frame that has no place.
    case linkLost(peer: String, generation: UInt32, reason: String)
    /// The answer to `measure`.
    case measured(Measured)
    /// The own sums of the turn are complete: its record can be built.
    case computed(Turn)
    /// The exchange is over.
    case turnFinished(Turn, RecordSummary, gradientIsFinite: Bool, gradientBytesSent: Int)
    /// The answer to `apply`: the worker holds S(report.step).
    case updated(StepReport)
    /// The answer to `judge`. The same in every worker: what it depends on is part of the state.
    ///
    /// - isStopping: training stops here.
    /// - snapshots: S(step) is the best so far and is wanted as a snapshot.
    /// - watchHash: over all that the judgement left in the state beside the parameters; the decision turn compares it.
    case judged(isStopping: Bool, snapshots: Bool, watchHash: UInt64)
    /// The answer to `park`: nothing computes any more, the partial turn is dropped.
    case parked
    /// The answer to `hashState`.
    case stateHashed(StateHash)
    /// Something of the generation cannot be done here: a roster that makes no plan, a failed computation.
    case failed(reason: String)
    /// `nextDeadline` has come.
    case tick
}
