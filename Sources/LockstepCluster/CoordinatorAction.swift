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
    }

    case send(ConnectionNumber, ControlMessage)
    /// Send `refused` with this reason, then close.
    case refuse(ConnectionNumber, reason: String)
    case close(ConnectionNumber, reason: String)
    case log(Level, String, metadata: [String: String])
    /// All workers hold the same plan and state; the roster was sent.
    case workersReady(Roster)
    /// The shares of S(step) will come on the bulk connections.
    case collectState(step: UInt32, shares: [StateShare])
    case writeSnapshot(step: UInt32)
    /// Steps in order, each once.
    case report([StepReport])
    /// The run is over. Comes once, or `fail` does.
    case finish(RunResult)
    case fail(Verdict)
}
