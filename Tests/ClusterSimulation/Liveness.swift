import LockstepCluster
import LockstepCollectives

/// Whether the cluster gets on, as somebody sees it who sees all.
///
/// The bound is one for an incident, not for a run: a bound for a run would let the no-progress timer hide what it
/// repairs late.
struct Liveness {
    /// The highest step that anyone has held.
    private(set) var front: UInt32 = 0
    /// The furthest turn that anyone has finished.
    private var furthest: UInt64 = 0
    private(set) var progressAt: UInt64 = 0
    private(set) var disturbedAt: UInt64 = 0
    /// Between two turns: the coordinator's deadlines follow the longest turn.
    private(set) var longestPause: UInt64 = 0
    /// When something was lost, or came back.
    private(set) var harmedAt: UInt64 = 0
    /// When a fault last struck, or ended. Processes that come and go of themselves are none.
    private(set) var faultedAt: UInt64 = 0
    /// When a trial was last waited for.
    var measuredAt: UInt64 = 0
    /// The planned change that goes on, and since when.
    var plan: (generation: UInt32, at: UInt64)?
    /// Faults since the last progress that only time-outs show.
    private(set) var needsTimeOuts = false
    /// A generation that trains was decided.
    var hasBegun = false
    /// Numbers of generations that were sent since the last decision; each may have doubled the patience.
    var freezes: Set<UInt32> = []
    /// Generations since the last progress.
    var generations = 0

    /// - Parameter kind: nil where one ends.
    mutating func fault(_ now: UInt64, _ kind: Fault.Kind? = nil) {
        faultedAt = now
        disturb(now, by: kind)
    }

    /// - Parameter kind: nil where a fault ends, or a process comes.
    mutating func disturb(_ now: UInt64, by kind: Fault.Kind? = nil) {
        disturbedAt = now
        if kind?.isHarm ?? true { harmedAt = now }
        if let kind, !kind.isSeenAtOnce { needsTimeOuts = true }
    }

    mutating func hold(_ step: UInt32) -> Bool {
        guard step > front else { return false }
        front = step
        generations = 0
        return true
    }

    /// A turn was finished, after this step.
    mutating func finish(_ turn: Turn, step: UInt32, _ now: UInt64) {
        let place: UInt64 =
            switch turn.phase {
            case .train: 0
            case .validation: 1 + UInt64(turn.step)
            case .decision: 1 << 18
            case .closing: 1 << 18 + 1
            case .evaluation: 1 << 18 + 2 + UInt64(turn.step)
            case .trial: 0
            }
        let reached = UInt64(turn.phase == .train ? turn.step : step) << 20 + place
        guard reached > furthest else { return }
        furthest = reached
        longestPause = max(longestPause, now - progressAt)
        progressAt = now
        needsTimeOuts = false
    }

    /// Nobody holds what was furthest; what is done again counts.
    mutating func fallBack(to step: UInt32) { furthest = min(furthest, UInt64(step) << 20) }
}

extension Fault.Kind {
    /// Whether something is lost.
    var isHarm: Bool {
        switch self {
        case .join, .leave, .drain, .stopRun, .staleShares: false
        // Nobody waits for an observer.
        case .killObserver, .stopObserver, .cutFeed, .renewFeed, .slowObserver: false
        default: true
        }
    }

    /// Whether those concerned learn of it without a time-out.
    var isSeenAtOnce: Bool {
        switch self {
        case .kill, .cutLink, .cutControl, .cutBulk, .join, .leave, .drain, .stopRun, .fullDisk, .staleShares, .flip,
            .killSource, .killObserver, .cutFeed, .renewFeed, .slowObserver:
            true
        default: false
        }
    }
}

extension ClusterSimulation {
    /// Whether there is all that the run needs to get on.
    private var isAble: Bool {
        guard let coordinator, coordinator.listens, !coordinator.isStopped, undead == nil, coordinator.outcome == nil,
            !network.isDisturbed(now), now >= slowDiskUntil
        else { return false }
        let present = workers.filter(\.isPresent)
        let staying = present.count { !$0.isLeaving }
        let isBegun =
            switch coordinator.core.mode {
            case .gathering, .measuring, .recovering: false
            default: liveness.hasBegun
            }
        // Who leaves hands over where somebody stays; too few may be left after that.
        return isBegun ? staying > 0 && present.count >= scenario.minWorkers : staying >= scenario.workers
    }

    /// Somebody must get on within a bound, unless something is in the way.
    func checkLiveness() {
        if isComplete {
            if now > liveness.progressAt + 3_600_000_000_000 { violate("processes do not end after the run's end") }
            return
        }
        checkThatItEnds()
        guard isAble else { return liveness.disturb(now, by: .join) }
        if coordinator?.core.mode == .measuring { liveness.measuredAt = now }
        let quiet = max(liveness.progressAt, liveness.disturbedAt)
        if now > quiet + bound(since: quiet) {
            let seconds = Double(now - quiet) / 1e9
            let state = workers.filter(\.isAlive).map { "\($0): \($0.core.state) at \($0.core.point)" }
            violate("stuck for \(seconds) s with \(coordinator?.core.mode as Any): \(state)")
        }
        if liveness.generations > 60 { violate("\(liveness.generations) generations without a step") }
    }

    /// Whatever processes come and go, and however many there are: without faults somebody gets on.
    private func checkThatItEnds() {
        let calm = max(liveness.progressAt, liveness.faultedAt)
        guard now > calm + 3_600_000_000_000, now > calm + 4 * bound(since: calm) else { return }
        violate("nobody has got on for \(Double(now - calm) / 1e9) s without a fault")
        isEndless = true
    }

    private func bound(since quiet: UInt64) -> UInt64 {
        let decided = coordinator?.core.roster?.patience ?? 1
        let patience = UInt64(min(Roster.mostPatience, decided << min(6, liveness.freezes.count)))
        // A trial that computes may take so long, and who hangs in it is noticed only then.
        let isTrying = !liveness.hasBegun || liveness.measuredAt > quiet
        let trial: UInt64 = isTrying ? 500_000_000_000 : 0
        // Those that follow the longest turn are not shortened.
        let deadline = scenario.deadline.map { 4 * ($0 + scenario.computing.upperBound) } ?? 10_000_000_000
        let travel = 30 * (scenario.network.upperBound + scenario.fsync.upperBound + scenario.computing.upperBound)
        let restart = scenario.restart.upperBound
        // A standstill is told after twenty turns, and whoever does not stand still is given four more; a holder is waited
        // for three times four. A turn in which somebody was stopped for a while counts as a turn.
        let turns = 26 * min(liveness.longestPause, 20_000_000_000 + 4 * scenario.computing.upperBound)
        // Who hangs may be no member when it begins, and become one: each of them costs a standstill, of 60 s before any turn
        // is known.
        let hides = workers.contains { $0.isAlive && $0.isHung }
        return ((liveness.needsTimeOuts || hides ? 24 : 6) * deadline + turns) * patience + trial + travel + restart
            + 5_000_000_000
    }
}
