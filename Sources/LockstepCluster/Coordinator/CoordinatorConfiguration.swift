package import LockstepCore

/// What the coordinator's core knows from the start.
package struct CoordinatorConfiguration: Sendable {
    /// The state that a run resumes from.
    package struct StartPoint: Sendable, Hashable {
        package var step: UInt32
        package var hash: StateHash

        package init(step: UInt32, hash: StateHash) {
            self.step = step
            self.hash = hash
        }
    }

    /// What the workers are wanted for.
    package enum Purpose: Sendable, Equatable {
        /// The job.
        case training
        /// These measurements, one after the other.
        ///
        /// - isClear: without TLS.
        case trials([Trial], isClear: Bool)
        /// To see how gradients would travel.
        case tuning
    }

    /// The number of workers to wait for, at least 1 and at most `laneCount`.
    package var workers: Int
    package var laneCount: Int
    package var purpose: Purpose
    /// Floats in the flat gradient.
    package var elementCount: Int
    /// What was asked for of the way that gradients travel; the rest is measured.
    package var exchange: ExchangeWish
    /// The version that workers must have, with that of its arithmetic.
    package var version: String
    package var welcome: Welcome
    package var timing: Timing
    /// So many workers may leave before the start; more, and they will not come together.
    package var departures: Int
    /// nil where the run begins at step 0.
    package var start: StartPoint?
    /// The greatest generation in the journal.
    package var greatestGeneration: UInt32
    /// What `start` is, for the log.
    package var resumedFrom: String?
    /// After so many steps each a snapshot is written; 0 for never.
    package var snapshotEverySteps: UInt32
    /// Whether the best state is written too.
    package var snapshotsBest: Bool
    /// In every step whose number is a multiple of this a lane is computed twice; 0 for never.
    package var auditEverySteps: UInt32
    /// So many complete states may wait while another is being written, at least 1.
    package var snapshotBacklog: Int
    /// With fewer workers the run pauses; at least 1.
    package var minWorkers: Int
    /// So many workers may be lost once the run has begun; the next one ends it.
    package var maxFailures: Int
    /// So many processes are kept as observers, ready to take a lost member's place.
    package var spares: Int
    /// What the journal says of earlier incarnations.
    package var history: JournalHistory

    /// Of this coordinator: the number that workers hear in WELCOME.
    package var incarnation: UInt32 { welcome.incarnation }

    package init(
        workers: Int, laneCount: Int, purpose: Purpose = .training, elementCount: Int = 0,
        exchange: ExchangeWish = ExchangeWish(), version: String, welcome: Welcome,
        timing: Timing = Timing(), departures: Int = 100, start: StartPoint? = nil, greatestGeneration: UInt32 = 0,
        resumedFrom: String? = nil, snapshotEverySteps: UInt32 = 0, snapshotsBest: Bool = false,
        snapshotBacklog: Int = 1, auditEverySteps: UInt32 = 0, minWorkers: Int = 1, maxFailures: Int = 100,
        spares: Int = 0,
        history: JournalHistory = JournalHistory()
    ) {
        self.workers = workers
        self.laneCount = laneCount
        self.purpose = purpose
        self.elementCount = elementCount
        self.exchange = exchange
        self.version = version
        self.welcome = welcome
        self.timing = timing
        self.departures = departures
        self.start = start
        self.greatestGeneration = greatestGeneration
        self.resumedFrom = resumedFrom
        self.snapshotEverySteps = snapshotEverySteps
        self.snapshotsBest = snapshotsBest
        self.snapshotBacklog = snapshotBacklog
        self.auditEverySteps = auditEverySteps
        self.minWorkers = minWorkers
        self.maxFailures = maxFailures
        self.spares = spares
        self.history = history
    }
}
