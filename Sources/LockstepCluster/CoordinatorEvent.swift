/// What the coordinator's core hears of.
package enum CoordinatorEvent: Sendable {
    /// The first message on a connection whose certificate says `authenticatedName`.
    case helloReceived(ConnectionNumber, authenticatedName: String, Hello)
    case message(ConnectionNumber, ControlMessage)
    case closed(ConnectionNumber, reason: String)
    /// A worker's process that the launcher started has ended ("signal 9 (SIGKILL)", "exit status 1"). The number is the
    /// operating system's, as in HELLO: a name alone may be another process by now.
    case processEnded(name: String, processIdentifier: Int32, description: String)
    case stopRequested(reason: String)
    /// Bytes of this member's share of the state came: the collection goes on. Said of every frame.
    case shareReceived(name: String)
    /// All shares are there and hash to what was agreed.
    case stateCollected(step: UInt32)
    /// All shares are there and hash to something else, or a share does not fit.
    case stateInvalid(reason: String)
    case snapshotWritten(step: UInt32)
    case snapshotFailed(reason: String)
    /// `nextDeadline` has come.
    case tick
}
