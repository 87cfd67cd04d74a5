package import LockstepCollectives
package import LockstepCore

/// What a worker's core hears of.
package enum WorkerEvent: Sendable {
    /// A control connection is open, and HELLO was sent on it. The newest one counts.
    case connected(ConnectionNumber)
    case message(ConnectionNumber, ControlMessage)
    case controlLost(ConnectionNumber, reason: String)
    /// The coordinator lives: a ping came on the newest control connection, and the shell answered it.
    ///
    /// - reportedStep: up to which it has the reports of all steps; 0 where that is not known.
    case heard(reportedStep: UInt32)
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
    /// The answer to `record`: what the record says of the own state; nil where it was not hashed.
    case recorded(Turn, StateHash?)
    /// The exchange is over.
    case turnFinished(Turn, RecordSummary, gradientIsFinite: Bool, gradientBytesSent: Int)
    /// The answer to `auditLane`: the hash of what was computed.
    case laneAudited(Turn, UInt64)
    /// The answer to `apply`: the worker holds S(report.step).
    case updated(StepReport)
    /// The answer to `judge`. The same in every worker: what it depends on is part of the state.
    ///
    /// - isStopping: training stops here.
    /// - snapshots: S(step) is the best so far and is wanted as a snapshot.
    /// - watchHash: over all that the judgement left in the state beside the parameters; the decision turn compares it.
    case judged(isStopping: Bool, snapshots: Bool, watchHash: UInt64)
    /// The answer to `park`: nothing computes any more, the partial turn is dropped.
    ///
    /// - waitingFor: names of the members of whom that turn lacked something.
    case parked(waitingFor: [String])
    /// The answer to `hashState`.
    case stateHashed(StateHash, whole: StateHash)
    /// The answer to `reach`: who could not be dialled.
    case reached(outOfReach: [String])
    /// The answer to `level`: the worker holds the state of the roster. Never after `parked`.
    case levelled(HeldState)
    /// The answer to `level`: no source could give that state.
    ///
    /// - peer: whose fault that is, where it is one member's.
    case levellingFailed(peer: String?, reason: String)
    /// The state that a copy took the place of was damaged, and this is how.
    case damaged(Damage)
    /// The answer to `preflight`: who could not be dialled.
    case preflighted(generation: UInt32, outOfReach: [String])
    /// A feed to an observer has ended, or could not be opened. Not after `endFeeds`, nor where the observer became a member.
    case feedLost(FeedLost)
    /// A member wants to feed this process; its greeting was answered.
    ///
    /// - feed: a number that no other feed of this process has; later ones have greater numbers.
    /// - generation: the one that the source runs.
    case feedOpened(feed: Int, source: String, process: ProcessNumber, generation: UInt32)
    /// An item of a feed is complete. Items come in order.
    case fed(feed: Int, FeedItem)
    /// The answer to `take`.
    ///
    /// - waiting: complete items that wait behind it, whether `fed` has told of them or not.
    case fedTaken(feed: Int, FeedOutcome, waiting: Int)
    /// A feed has ended, after all items that `fed` has told of. Not after `dropFeed`.
    case feedClosed(feed: Int, reason: String)
    /// This process is asked to end.
    case leaveRequested(reason: String)
    /// Something of the generation cannot be done here: a roster that makes no plan, a failed computation.
    case failed(reason: String)
    /// `nextDeadline` has come.
    case tick
}
