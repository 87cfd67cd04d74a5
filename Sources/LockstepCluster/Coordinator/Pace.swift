/// How a run gets on, by the coordinator's own clock: nothing that a worker claims about time counts.
struct Pace: Sendable {
    /// The last sign of getting on.
    private(set) var movedAt: UInt64 = 0
    /// Of late: what was longer some time ago counts less and less. 0 until a turn was completed.
    private(set) var longestTurn: UInt64 = 0
    /// Whose shares of the state came, or came in part.
    private(set) var shares: [String] = []
    /// nil where nothing was completed since something began: what came before it is no turn's time.
    private var completedAt: UInt64?
    /// When the first turn could begin; nil where that is not known, or somebody was not heard since.
    private var begunAt: UInt64?
    /// `longestTurn` has more in it than a turn: the first measured one takes its place.
    private var isReckoned = false
    /// Of the generation, and its last step that was completed.
    private var furthest: (step: UInt32, stage: Int) = (0, 0)
    private var completedStep: UInt32 = 0

    /// A generation begins.
    mutating func start(from step: UInt32, _ now: UInt64) {
        completedStep = step
        furthest = (0, 0)
        begin(now)
    }

    /// Something new begins: linking, the first turn, the collection of the state.
    ///
    /// - Parameter isTurn: whether a turn begins, and none is half-way through.
    mutating func begin(_ now: UInt64, isTurn: Bool = true) {
        movedAt = now
        completedAt = nil
        begunAt = isTurn ? now : nil
    }

    /// A member has completed all steps up to this one.
    mutating func complete(upTo step: UInt32, _ now: UInt64, reckonedAtMost most: UInt64) {
        guard step > completedStep else { return }
        complete(Int(step - completedStep), now, reckonedAtMost: most)
        completedStep = step
    }

    /// So many turns were completed.
    ///
    /// - Parameter most: what a turn is reckoned to take at most while none was measured: somebody may have hung in it.
    mutating func complete(_ turns: Int, _ now: UInt64, reckonedAtMost most: UInt64) {
        if let completedAt {
            let turn = (now - min(now, completedAt)) / UInt64(max(1, turns))
            longestTurn = isReckoned ? turn : max(turn, longestTurn - longestTurn / 64)
            isReckoned = false
        } else if longestTurn == 0, let begunAt {
            // Better than nothing: a generation may end after its first turn, and so may the next one.
            longestTurn = max(1, min(most, (now - min(now, begunAt)) / UInt64(max(1, turns))))
            isReckoned = true
        }
        movedAt = now
        completedAt = now
    }

    /// Someone is not heard: how long this turn takes says nothing about turns.
    mutating func disturb() {
        completedAt = nil
        begunAt = nil
    }

    /// A worker is in this stage of this step. It counts where nobody has been so far.
    mutating func reach(_ stage: Stage, of step: UInt32, _ now: UInt64) {
        let place = (step: step, stage: Stage.allCases.firstIndex(of: stage) ?? 0)
        guard place > furthest else { return }
        furthest = place
        movedAt = now
    }

    /// These are waited for anew.
    mutating func awaitShares(from names: [String]) { shares.removeAll(where: names.contains) }

    mutating func shareCame(from name: String, _ now: UInt64) {
        movedAt = now
        if !shares.contains(name) { shares.append(name) }
    }

    /// The coordinator itself was absent for so long.
    mutating func excuse(_ absence: UInt64) {
        movedAt += absence
        completedAt = completedAt.map { $0 + absence }
        begunAt = begunAt.map { $0 + absence }
    }
}
