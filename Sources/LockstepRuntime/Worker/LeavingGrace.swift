internal import Synchronization

/// The time that a worker has from SIGTERM until its process must be gone. A part of it is for closing what is open: a
/// coordinator that is stopped does not say that it closes too.
final class LeavingGrace: Sendable {
    /// Seconds in which it may hand over what it holds.
    let handingOver: Double
    /// Seconds after which it waits for nobody any more; what is left is for the process to end.
    private let closing: Double
    private let began = Mutex<ContinuousClock.Instant?>(nil)

    init(_ seconds: Double) {
        let reserve = min(2, seconds / 4)
        handingOver = seconds - reserve
        closing = seconds - reserve / 2
    }

    /// SIGTERM has come.
    func begin() { began.withLock { $0 = $0 ?? .now } }

    /// How long closing may take from now on; nil before SIGTERM.
    var rest: Duration? {
        began.withLock { $0 }.map { max(.zero, .seconds(closing) - (.now - $0)) }
    }
}
