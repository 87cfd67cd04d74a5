package import LockstepCollectives
package import LockstepCore

/// What a worker's core wants done, in order.
package enum WorkerAction: Sendable, Equatable {
    /// On the newest control connection.
    case send(ConnectionNumber, ControlMessage)
    /// The control connection was lost, or given up: dial again, with HELLO from `standing`.
    case dialAgain(reason: String)
    /// This connection is not obeyed any more; `dialAgain` follows.
    case closeConnection(ConnectionNumber, reason: String)
    /// Open the files, compile the plan, make S(n*), listen for data links.
    case prepare(Welcome)
    /// Make the links to the other members, for trials (`DialQueue` has the order). Once in a generation that measures,
    /// before its first trial; the links stay until the next generation, `park` or the end.
    case linkToMeasure(Measure)
    /// All links are there: carry out this trial.
    case measure(Measure)
    /// Make the links to the other members of this roster. Comes once in a generation; what is left of the one before it
    /// is closed first.
    case link(Start)
    /// Make the links of a generation that is planned, while the one before goes on: the same ones that `link` makes, which
    /// finds them there, or makes those that are not. Nothing is answered, and nothing is lost where it comes to nothing.
    case linkAhead(PlannedChange)
    /// Copy the state that the roster starts from: from the members that hold it, over the links; where there is none, from the
    /// coordinator, or from the seed at step 0. It is staged, its hashes are compared with the roster's, then it takes the
    /// place of the old one. Answered by `levelled` or `levellingFailed`.
    case level(Roster)
    /// Give the members that lack the state a share of it, over the links; it stays as it is until they have it.
    case serve(Roster)
    /// Begin this turn of the exchange and compute it. A turn without a batch has nothing to compute.
    ///
    /// - isStopping: for the exchange; true in a decision turn that stops training.
    case begin(Turn, isStopping: Bool = false)
    /// Hash the state, build the control record and give it to the exchange. Answered by `recorded`.
    ///
    /// - hashesState: false where nobody compares the hash or is told of it; the record has zeros in its place.
    /// - judgement: in a decision turn what the record says in the place of the hash of samples; nil in other turns.
    case record(Turn, askedGeneration: UInt32, judgement: UInt64? = nil, hashesState: Bool = true)
    /// Compute this lane of the training turn in hand once more, from the state as it is. Answered by `laneAudited`.
    case auditLane(Turn, lane: Int)
    /// Update with the total of the gradients.
    case apply(Turn, RecordSummary)
    /// Judge S(step) by these sums over a whole validation, and restore the best state where that is due.
    case judge(validationSums: [Double], step: UInt32)
    /// Put a share of S(step) aside before the next turn begins, and send it on the bulk connection while work goes on.
    /// Where an earlier share is still on its way this one may be left out.
    case copyShare(Fetch, isBest: Bool)
    /// Stop computing, and drop the partial turn, staged copies and links. Answered by `parked` when nothing computes any
    /// more: not before, and never where that does not come.
    case park
    /// Dial these members once more, to see whether they can be reached, for so many nanoseconds at most. Answered by
    /// `reached`.
    case reach([Roster.Member], limit: UInt64)
    /// See whether these members can be dialled. Answered by `preflighted`; only the newest one counts.
    case preflight(Preflight)
    /// Feed this process: dial it (`LinkGreeting.isFeed`), and tell it what happens from the next turn on. An older feed of the
    /// same process ends. Where it ends by itself `feedLost` says so.
    case feed(Feed)
    /// End all feeds of which this process is the source.
    case endFeeds(reason: String)
    /// This is the first of the complete items of the feed that is taken from: do to the own state what it says.
    /// Answered by `fedTaken`, and only then the next one is wanted.
    case take(FeedItem, feed: Int)
    /// Close this feed, of which this process is the observer, and forget what of it was not taken.
    case dropFeed(Int, reason: String)
    /// Answered by `stateHashed`.
    case hashState
    /// Send a share of S(step) on the bulk connection.
    case sendShare(Fetch)
    /// End the process.
    case exit(ExitCode, reason: String)
}
