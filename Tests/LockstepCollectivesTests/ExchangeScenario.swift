import LockstepCollectives
import LockstepCore
import LockstepTestSupport

/// What a simulation is about.
struct ExchangeScenario: CustomStringConvertible {
    /// A deliberately wrong shell. The oracle must notice each of them.
    enum Flaw: CaseIterable {
        /// Parts are added in an order of chance instead of the tree's.
        case arrivalOrder
        /// One part is left out of a sum.
        case droppedPart
        /// A chunk is not summed.
        case droppedChunk
        /// A chunk is not written, and the staging memory keeps what an earlier turn left there.
        case staleStaging
        /// A chunk is said to be there, and summed, when half of it is.
        case earlyReduction
        /// Roots are said to be sent when they are only queued.
        case earlySent
        /// The total is read when the next turn has begun.
        case lateReading
        /// The sum over all lanes has another shape than the tree's.
        case anotherTree
        /// One member judges that training stops, or goes on, unlike the others.
        case judgesAlone
    }

    /// What befalls one link once.
    enum Disturbance: CaseIterable {
        /// It ends, perhaps inside a frame.
        case cut
        /// A frame is lost, and what follows is not.
        case drop
        /// A frame comes twice.
        case duplicate
        /// A frame comes again later.
        case stale
    }

    var seed: UInt64
    var laneCount: Int
    var workers: Int
    var elementCount: Int
    var settings: ExchangeSettings
    var schedule: TurnSchedule
    /// The decision that stops training.
    var stopsAfter: UInt32?
    var flaw: Flaw?
    var disturbance: Disturbance?

    init(
        seed: UInt64, lanes: Int, workers: Int, elements: Int, settings: ExchangeSettings, schedule: TurnSchedule,
        stopsAfter: UInt32? = nil, flaw: Flaw? = nil
    ) {
        self.seed = seed
        laneCount = lanes
        self.workers = workers
        elementCount = elements
        self.settings = settings
        self.schedule = schedule
        self.stopsAfter = stopsAfter
        self.flaw = flaw
    }

    /// Any that chance gives: mostly few and small, so that thousands run in a second or two.
    init(seed: UInt64) {
        var random = SeededGenerator(seed: seed &* 0x9E37_79B9 &+ 0xE1)
        let workers = seed % 16 == 0 ? 1 + random.below(9) : 2 + random.below(3)
        let lanes = random.below(3) == 0 ? workers : workers + random.below(6)
        let elements = random.below(12) == 0 ? random.below(3) : 1 + random.below(150)
        let cut = 1 + random.below(4)
        let settings = ExchangeSettings(
            bucketBoundaries: stride(from: 16, to: elements, by: 16).filter { _ in random.below(cut) == 1 },
            oneHopBytes: [0, 64, 192, 1 << 20][random.below(4)], chunkBytes: [64, 128, 1024][random.below(3)],
            links: 1 + random.below(4))
        let schedule: TurnSchedule
        var stopsAfter: UInt32?
        switch random.below(4) {
        case 0: schedule = TurnSchedule(trialRounds: 2)
        case 1:
            let validation = TurnSchedule.Validation(
                batches: UInt32(1 + random.below(2)), stepsPerEpoch: UInt32(1 + random.below(3)))
            // Some begin in the midst of a validation, which begins again.
            let isJudged = random.below(3) > 0
            schedule = TurnSchedule(
                stepsDone: isJudged ? 0 : validation.stepsPerEpoch, isJudged: isJudged, lastStep: 3,
                evaluationBatches: UInt32(random.below(3)), validation: validation)
            stopsAfter = UInt32(1 + random.below(4))
        default: schedule = TurnSchedule(stepsDone: 7, lastStep: 9, evaluationBatches: UInt32(random.below(2)))
        }
        self.init(
            seed: seed, lanes: lanes, workers: workers, elements: elements, settings: settings, schedule: schedule,
            stopsAfter: stopsAfter)
        if random.below(6) == 0 { disturbance = Disturbance.allCases[random.below(4)] }
    }

    var description: String {
        "seed \(seed): \(workers) workers, \(laneCount) lanes, \(elementCount) floats, \(settings), \(schedule), "
            + "disturbance \(disturbance.map { "\($0)" } ?? "none")"
    }
}
