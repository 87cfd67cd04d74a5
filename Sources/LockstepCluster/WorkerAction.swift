package import LockstepCollectives
package import LockstepCore

/// What a worker's core wants done, in order.
package enum WorkerAction: Sendable, Equatable {
    /// On the newest control connection.
    case send(ConnectionNumber, ControlMessage)
    /// The coordinator was lost before it said WELCOME: dial it again, while patience lasts.
    case dialAgain(reason: String)
    /// Open the files, compile the plan, make S(n*), listen for data links.
    case prepare(Welcome)
    /// Dial these members, and expect links from the others, for trials. Once in a generation that measures, before its
    /// first trial; the links stay until the next generation, `park` or the end.
    case linkToMeasure(Measure, dial: [Roster.Member])
    /// All links are there: carry out this trial.
    case measure(Measure)
    /// Make the exchange of this roster, dial these members, and expect links from the others.
    case link(Start, dial: [Roster.Member])
    /// Begin this turn of the exchange and compute it. A turn without a batch has nothing to compute.
    ///
    /// - isStopping: for the exchange; true in a decision turn that stops training.
    case begin(Turn, isStopping: Bool = false)
    /// Hash the state, build the control record and give it to the exchange.
    ///
    /// - hashesState: false where nobody compares the hash or is told of it; the record has zeros in its place.
    /// - judgement: in a decision turn what the record says in the place of the hash of samples; nil in other turns.
    case record(Turn, askedGeneration: UInt32, judgement: UInt64? = nil, hashesState: Bool = true)
    /// Update with the total of the gradients.
    case apply(Turn, RecordSummary)
    /// Judge S(step) by these sums over a whole validation, and restore the best state where that is due.
    case judge(validationSums: [Double], step: UInt32)
    /// Put a share of S(step) aside before the next turn begins, and send it on the bulk connection while work goes on.
    /// Where an earlier share is still on its way this one may be left out.
    case copyShare(Fetch, isBest: Bool)
    /// Stop computing and drop the partial turn.
    case park
    case hashState
    /// Send a share of S(step) on the bulk connection.
    case sendShare(Fetch)
    /// End the process.
    case exit(ExitCode, reason: String)
}
