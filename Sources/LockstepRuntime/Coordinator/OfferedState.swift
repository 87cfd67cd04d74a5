internal import Synchronization

/// The state that workers of a resumed run can have, known once the run directory is open.
final class OfferedState: Sendable {
    private let resumed = Mutex<ResumedState?>(nil)

    func offer(_ state: ResumedState?) { resumed.withLock { $0 = state } }

    /// nil where the run begins at its beginning.
    var vectors: [[UInt8]]? { resumed.withLock { $0?.vectors } }
}
