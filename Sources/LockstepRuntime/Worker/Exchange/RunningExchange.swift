internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepEngine
internal import NIOCore

/// An exchange on all its rails: a generation's, or a trial's. The driver and the compute threads say what this worker has
/// done; the rail that is last to finish a turn tells the driver.
final class RunningExchange: Sendable {
    /// A turn is over on all rails.
    struct End: Sendable {
        let turn: Turn
        /// Of the exchange, so that one of a generation that is over counts no more.
        let exchange: Int
        /// In roster order.
        let records: [ControlRecord]
        /// Payload bytes of contributions and totals that went out.
        let gradientBytes: Int
        /// Whether the total has no infinity and no NaN; nil where nobody looked, since nothing was summed here.
        let isFinite: Bool?
        /// The place in the roster of who sent the last part; nil where nothing was waited for.
        let lastMember: Int?
    }

    /// Different for every exchange of this process.
    let number: Int
    let memory: ExchangeMemory
    let times: BucketTimes
    private let rails: [Rail]
    private let runners: [ExchangeRunner]
    private let end: TurnEnd
    private let staysAwake: Bool
    /// Whether all buckets are so small that they travel best together with the record.
    private let isSmall: Bool

    /// No exchange takes longer to wait for where there are cores to spare; where it does, its loop sleeps.
    private static let longestAwake = TimeAmount.milliseconds(1)

    /// - Parameters:
    ///   - plans: of all rails.
    ///   - rails: as many as there are plans, which have begun the generation; none for a lone worker.
    ///   - finished: called once a turn, on a rail's loop; for a lone worker within `recordReady`.
    init(
        number: Int, plans: [ExchangePlan], memory: ExchangeMemory, rails: [Rail], generation: UInt32,
        schedule: TurnSchedule, kernels: Kernels, finished: @escaping @Sendable (End) -> Void
    ) {
        precondition(rails.isEmpty ? plans[0].memberCount == 1 : rails.count == plans.count, "a plan for each rail")
        let settings = plans[0].settings
        let times = BucketTimes(bucketCount: plans[0].buckets.count, railCount: plans.count)
        let end = TurnEnd(railCount: plans.count)
        let isAlone = plans[0].memberCount == 1
        self.number = number
        self.memory = memory
        self.rails = rails
        self.times = times
        self.end = end
        staysAwake = settings.staysAwake
        isSmall = 4 * plans[0].buckets.elementCount <= settings.oneHopBytes
        runners = plans.map { plan in
            let rail = rails.isEmpty ? nil : rails[plan.rail]
            return ExchangeRunner(
                core: Exchange(plan: plan, generation: generation, schedule: schedule), memory: memory, times: times,
                kernels: kernels
            ) { turn, part, lastMember in
                rail?.maySleep()
                let count = turn.hasGradients ? plans.count : 1
                guard let whole = end.arrive(part, rail: plan.rail, of: count) else { return }
                finished(
                    End(
                        turn: turn, exchange: number, records: whole.records, gradientBytes: whole.gradientBytes,
                        isFinite: isAlone ? nil : whole.isFinite, lastMember: lastMember))
            }
        }
        for (rail, runner) in zip(rails, runners) { rail.loop.execute { rail.run(runner) } }
    }

    /// Begins a turn, before anything of it is computed.
    func begin(_ turn: Turn) {
        times.begin()
        end.begin(railCount: turn.hasGradients ? runners.count : 1)
    }

    /// The own roots hold the complete gradients of a bucket. From any thread; a lone worker has nobody to tell.
    func bucketReady(_ bucket: Int, in turn: Turn) {
        guard !rails.isEmpty else { return }
        times.isReady(bucket)
        guard !isSmall else { return }
        for (rail, runner) in zip(rails, runners) where runner.carries[bucket] {
            rail.loop.execute { runner.bucketReady(bucket, in: turn) }
        }
    }

    /// The own part of the turn is complete.
    ///
    /// - Parameter isStopping: in a decision turn whether training stops.
    func complete(_ turn: Turn, _ record: ControlRecord, isStopping: Bool = false) {
        let isWhole = isSmall || rails.isEmpty
        let buckets = turn.hasGradients && isWhole ? times.bucketCount : 0
        guard !rails.isEmpty else {
            return runners[0].complete(turn, isStopping: isStopping, record: record, buckets: buckets)
        }
        for (rail, runner) in zip(rails, runners).prefix(turn.hasGradients ? runners.count : 1) {
            // What has a piece of a bucket has begun, and is told nothing more but to stay awake.
            guard runner.rail == 0 || staysAwake || isWhole || !runner.carries.contains(true) else { continue }
            complete(turn, on: rail, runner, isStopping: isStopping, record: record, buckets: buckets)
        }
    }

    /// A whole turn, of which everything is there already: a trial's.
    func run(_ turn: Turn, record: ControlRecord) {
        begin(turn)
        for (rail, runner) in zip(rails, runners) {
            complete(turn, on: rail, runner, isStopping: false, record: record, buckets: times.bucketCount)
        }
    }

    private func complete(
        _ turn: Turn, on rail: Rail, _ runner: ExchangeRunner, isStopping: Bool, record: ControlRecord, buckets: Int
    ) {
        rail.loop.execute { [staysAwake] in
            runner.complete(turn, isStopping: isStopping, record: record, buckets: buckets)
            if staysAwake, runner.isActive { rail.stayAwake(atMost: RunningExchange.longestAwake) }
        }
    }
}
