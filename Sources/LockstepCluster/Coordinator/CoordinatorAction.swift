package import LockstepCore

/// What the coordinator's core wants done, in order.
package enum CoordinatorAction: Sendable, Equatable {
    package enum Level: Sendable {
        case info, warning, error
    }

    /// Member `name` sends share `index` of `count`.
    package struct StateShare: Sendable, Equatable {
        package let name: String
        package let index: Int
        package let count: Int
        /// How often it was asked for before, of whomever: what had come of it then is void.
        package let attempt: Int

        package init(name: String, index: Int, count: Int, attempt: Int = 0) {
            self.name = name
            self.index = index
            self.count = count
            self.attempt = attempt
        }
    }

    case send(ConnectionNumber, ControlMessage)
    /// Send `refused` with this reason, then close.
    case refuse(ConnectionNumber, reason: String)
    case close(ConnectionNumber, reason: String)
    case log(Level, String, metadata: [String: String])
    /// All members have answered a trial.
    case measured(TrialResult)
    /// How gradients travel was chosen.
    case tuned(TunedExchange)
    /// All workers hold the same plan and state; the roster was sent.
    case workersReady(Roster)
    /// A generation after the first one begins.
    case generationBegins(Roster)
    /// A failure that the run has survived: said once, when it goes on.
    case incident(Incident)
    /// A worker's state was damaged, and these tensors of it were.
    case damage(worker: String, Damage)
    /// Load the newest snapshot that verifies, for workers that ask: nobody holds a newer state.
    case offerState
    /// The shares of S(step) will come on the bulk connections: all work is over. Shares of snapshots in mid-run come
    /// unasked; `expectedShares(ofStep:)` knows them. Comes again for the same step when a worker or a connection is lost:
    /// shares that are equal to one of before go on, all others begin anew. A worker with several sends them in this order.
    case collectState(step: UInt32, shares: [StateShare])
    /// Check that the collected S(step) hashes to this, and write it. Answered by `snapshotWritten`, `snapshotFailed` or
    /// `stateInvalid`; before the answer there is no other.
    case writeSnapshot(step: UInt32, hash: StateHash, isBest: Bool)
    /// The collected S(step) is not wanted any more.
    case dropState(step: UInt32)
    /// Steps in order, each once.
    case report([StepReport])
    /// A validation, after the report of its step. In order, each once.
    case evaluated(EvaluationReport)
    /// The run is over. Comes once, or `fail` does.
    case finish(RunResult)
    case fail(Verdict)
}
