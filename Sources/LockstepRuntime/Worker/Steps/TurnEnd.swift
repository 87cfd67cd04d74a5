internal import LockstepCollectives
internal import Synchronization

/// Where the rails of an exchange meet at the end of a turn: the last one to arrive tells what all have done.
///
/// There is no lock: each rail writes a place of its own, and the count orders memory.
// Safe: the place of a rail is written on its loop only, and read by the last rail to arrive and, until the next turn
// begins, by nobody else.
final class TurnEnd: @unchecked Sendable {
    /// What one rail has done in a turn.
    struct Part {
        /// In roster order; on rail 0 only.
        var records: [ControlRecord] = []
        /// Payload bytes of contributions and totals that went out.
        var gradientBytes = 0
        /// Whether no sum that came about or arrived here was infinite or not a number.
        var isFinite = true
    }

    private let parts: UnsafeMutableBufferPointer<Part>
    private let missing = Atomic(0)

    init(railCount: Int) {
        parts = .allocate(capacity: railCount)
        parts.initialize(repeating: Part())
    }

    deinit {
        parts.deinitialize()
        parts.deallocate()
    }

    /// Begins a turn of the first so many rails. All of the last turn have arrived.
    func begin(railCount: Int) { missing.store(railCount, ordering: .releasing) }

    /// A rail has finished its turn.
    ///
    /// - Returns: what all rails together have done, where this one is the last of `railCount`.
    func arrive(_ part: Part, rail: Int, of railCount: Int) -> Part? {
        parts[rail] = part
        guard missing.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return nil }
        var whole = parts[0]
        parts[0].records = []
        for rail in 1..<max(1, railCount) {
            whole.gradientBytes += parts[rail].gradientBytes
            whole.isFinite = whole.isFinite && parts[rail].isFinite
        }
        return whole
    }
}
