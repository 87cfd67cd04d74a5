package import LockstepCore

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
    /// Bytes of a file or of the state went out to a worker that prepares: it gets on. Said of every frame.
    case streamed(name: String)
    /// Bytes of this member's share of S(step) came: the collection goes on. Said of every frame.
    case shareReceived(name: String, step: UInt32)
    /// All shares of S(step) are there.
    case stateCollected(step: UInt32)
    /// A share of S(step) does not fit, or the shares hash to something else than was agreed.
    case stateInvalid(step: UInt32, reason: String)
    /// The snapshot of S(step) is committed.
    ///
    /// - digest: its state digest.
    case snapshotWritten(step: UInt32, digest: Digest)
    case snapshotFailed(step: UInt32, reason: String)
    /// `nextDeadline` has come.
    case tick
}
