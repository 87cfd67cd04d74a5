/// What the coordinator's core knows from the start.
package struct CoordinatorConfiguration: Sendable {
    /// Durations in nanoseconds.
    package struct Timing: Sendable {
        /// From the first sign of a loss to the verdict, so that better evidence can arrive.
        package var grace: UInt64 = 500_000_000
        package var pingInterval: UInt64 = 2_000_000_000
        /// Who has said nothing for this long is lost.
        package var silence: UInt64 = 10_000_000_000
        /// From a wish to stop until all workers stand still.
        package var stop: UInt64 = 3_000_000_000
        /// From then until their shares are collected.
        package var stopCollection: UInt64 = 1_500_000_000
        /// From a worker's HELLO until it is prepared.
        package var preparing: UInt64 = 600_000_000_000
        /// From START until all links are there.
        package var linking: UInt64 = 60_000_000_000
        /// Without a completed turn for this long, and for `patience` times the longest turn so far: a standstill.
        package var standstill: UInt64 = 120_000_000_000
        package var patience: UInt64 = 20
        /// Without a byte of a share for this long while the state is collected.
        package var share: UInt64 = 10_000_000_000

        package init() {}
    }

    /// The number of workers to wait for, at least 1 and at most `laneCount`.
    package var workers: Int
    package var laneCount: Int
    package var bucketBoundaries: [Int]
    /// The version that workers must have.
    package var version: String
    package var welcome: Welcome
    package var timing: Timing
    /// So many workers may leave before the start; more, and they will not come together.
    package var departures: Int

    package init(
        workers: Int, laneCount: Int, bucketBoundaries: [Int] = [], version: String, welcome: Welcome,
        timing: Timing = Timing(), departures: Int = 100
    ) {
        self.workers = workers
        self.laneCount = laneCount
        self.bucketBoundaries = bucketBoundaries
        self.version = version
        self.welcome = welcome
        self.timing = timing
        self.departures = departures
    }
}
