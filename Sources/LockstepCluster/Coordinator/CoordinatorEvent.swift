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
    /// Someone wants this worker to leave.
    case drainRequested(name: String)
    /// A name under which no process will be started again, and why.
    case quarantined(name: String, reason: String)
    /// The certificates that nobody is to accept any more, as rosters carry them. Replaces what was said before.
    case denied([String])
    /// The certificate that was shown on this connection is accepted no more: all connections of it are being closed.
    case revoked(ConnectionNumber)
    /// The answer to `offerState`: workers that ask are given this state.
    case stateOffered(Holding)
    /// The answer to `offerState`: there is none, so the run begins again at step 0.
    case nothingToOffer(reason: String)
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
