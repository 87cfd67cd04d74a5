/// How a run gets on, by the coordinator's own clock: nothing that a worker claims about time counts.
struct Pace: Sendable {
    /// The last sign of getting on.
    private(set) var movedAt: UInt64 = 0
    /// Of late: what was longer some time ago counts less and less.
    private(set) var longestTurn: UInt64 = 0
    /// Whose shares of the state came, or came in part.
    private(set) var shares: [String] = []
    /// nil where nothing was completed since something began: what came before it is no turn's time.
    private var completedAt: UInt64?
    private var furthest: (step: UInt32, stage: Int) = (0, 0)

    /// Something new begins: linking, the first turn, the collection of the state.
    mutating func begin(_ now: UInt64) {
        movedAt = now
        completedAt = nil
    }

    /// So many turns were completed.
    mutating func complete(_ turns: Int, _ now: UInt64) {
        if let completedAt {
            let turn = (now - min(now, completedAt)) / UInt64(max(1, turns))
            longestTurn = max(turn, longestTurn - longestTurn / 64)
        }
        movedAt = now
        completedAt = now
    }

    /// Someone is not heard: how long this turn takes says nothing about turns.
    mutating func disturb() { completedAt = nil }

    /// A worker is in this stage of this step. It counts where nobody has been so far.
    mutating func reach(_ stage: Stage, of step: UInt32, _ now: UInt64) {
        let place = (step: step, stage: Stage.allCases.firstIndex(of: stage) ?? 0)
        guard place > furthest else { return }
        furthest = place
        movedAt = now
    }

    mutating func shareCame(from name: String, _ now: UInt64) {
        movedAt = now
        if !shares.contains(name) { shares.append(name) }
    }

    /// The coordinator itself was absent for so long.
    mutating func excuse(_ absence: UInt64) {
        movedAt += absence
        completedAt = completedAt.map { $0 + absence }
    }
}
