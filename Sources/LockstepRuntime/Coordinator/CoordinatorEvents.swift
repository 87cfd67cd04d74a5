internal import LockstepCluster
internal import LockstepSnapshots
internal import LockstepWire

/// The one queue into a coordinator's shell. What a peer sends waits for its turn before more is read from that peer,
/// so a peer that floods fills its own connection and nothing else.
struct CoordinatorEvents: Sendable {
    enum Event: Sendable {
        case core(CoordinatorEvent)
        /// A frame on a connection that was opened for bulk.
        case bulk(ConnectionNumber, ControlFrame)
        case snapshotWritten(WrittenSnapshot, pruned: PruneReport?, step: UInt32)
        /// A line from `control.sock`, and the way for the answer.
        case request(String, answer: @Sendable (String) -> Void)
        case tick
        /// The process is to end at once.
        case interrupt
    }

    private struct Posted: Sendable {
        let event: Event
        let handled: CheckedContinuation<Void, Never>?
    }

    private let stream: AsyncStream<Posted>
    private let continuation: AsyncStream<Posted>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream(of: Posted.self) }

    func post(_ event: Event) { continuation.yield(Posted(event: event, handled: nil)) }

    /// Returns when the event was handled, or the queue is closed.
    func postAndWait(_ event: Event) async {
        await withCheckedContinuation { handled in
            if case .terminated = continuation.yield(Posted(event: event, handled: handled)) { handled.resume() }
        }
    }

    /// Gives `body` one event after the other until it returns a value; nil where the queue closes first.
    func forEach<Value>(_ body: (Event) -> Value?) async -> Value? {
        for await posted in stream {
            let value = body(posted.event)
            posted.handled?.resume()
            if let value { return value }
        }
        return nil
    }

    /// Closes the queue; whoever waits goes on.
    func close() async {
        continuation.finish()
        for await posted in stream { posted.handled?.resume() }
    }
}
