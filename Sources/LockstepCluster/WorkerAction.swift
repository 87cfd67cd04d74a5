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
    /// Make the exchange of this roster, dial these members, and expect links from the others.
    case link(Start, dial: [Roster.Member])
    /// Begin this turn of the exchange and compute it. The closing turn has nothing to compute.
    case begin(Turn)
    /// Hash the state, build the control record and give it to the exchange.
    case record(Turn, askedGeneration: UInt32)
    /// Update with the total of the gradients.
    case apply(Turn, RecordSummary)
    /// Stop computing and drop the partial turn.
    case park
    case hashState
    /// Send a share of S(step) on the bulk connection.
    case sendShare(Fetch)
    /// End the process.
    case exit(ExitCode, reason: String)
}
