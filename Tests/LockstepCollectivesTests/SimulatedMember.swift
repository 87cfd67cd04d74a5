import LockstepCollectives
import LockstepCore

/// A worker in a simulation: its driver's state, and for each rail a core, a mailbox and memory.
final class SimulatedMember {
    enum Message {
        case begin(Turn, isStopping: Bool)
        case bucketReady(Int)
        case recordReady(ControlRecord)
    }

    enum Stage { case idle, computing, waiting }

    final class Rail {
        var core: Exchange
        let staging: UnsafeMutablePointer<Float>
        /// What the driver has posted, in order.
        var mailbox: [Message] = []
        var isPerforming = false
        var bytesSent = 0
        var framesSent = 0
        var bucketsFinished = 0

        init(core: Exchange) {
            self.core = core
            staging = .allocate(capacity: core.plan.stagingCount)
            staging.initialize(repeating: .nan, count: core.plan.stagingCount)
        }

        deinit { staging.deallocate() }
    }

    let index: Int
    let rails: [Rail]
    let roots: [UnsafeMutablePointer<Float>]
    let total: UnsafeMutablePointer<Float>
    let elementCount: Int

    var stage = Stage.idle
    /// Turns that are over on all rails.
    var finishedTurns = 0
    /// Buckets that are still to compute, the next one last.
    var bucketsLeft: [Int] = []
    var hasRecorded = false
    var railsLeft = 0
    var records: [ControlRecord] = []

    var plan: ExchangePlan { rails[0].core.plan }

    init(index: Int, plans: [ExchangePlan], schedule: TurnSchedule) {
        self.index = index
        rails = plans.map { Rail(core: Exchange(plan: $0, generation: 7, schedule: schedule)) }
        let count = plans[0].buckets.elementCount
        elementCount = count
        func floats() -> UnsafeMutablePointer<Float> {
            let memory = UnsafeMutablePointer<Float>.allocate(capacity: max(1, count))
            memory.initialize(repeating: .nan, count: max(1, count))
            return memory
        }
        roots = plans[0].ownRoots.map { _ in floats() }
        total = plans[0].memberCount == 1 ? roots[0] : floats()
    }

    deinit {
        for root in roots where root != total { root.deallocate() }
        total.deallocate()
    }
}
