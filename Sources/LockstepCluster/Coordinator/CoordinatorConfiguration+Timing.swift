extension CoordinatorConfiguration {
    /// Durations in nanoseconds. Those that notice a failure are multiplied by the patience in force.
    package struct Timing: Sendable {
        /// Of a failure that ends the run: from its first sign to the verdict, so that better evidence can arrive.
        package var grace: UInt64 = 500_000_000
        package var pingInterval: UInt64 = 1_000_000_000
        /// Who has said nothing for this long is suspected to be lost, and after `silence` it is.
        package var suspicion: UInt64 = 3_000_000_000
        package var silence: UInt64 = 10_000_000_000
        /// From FREEZE, or PLAN, until all stand still; at least, and `freezeTurns` times the longest turn so far.
        package var freeze: UInt64 = 5_000_000_000
        package var freezeTurns: UInt64 = 4
        /// In a freeze, for dialling lost links once more.
        package var reach: UInt64 = 500_000_000
        /// From the first worker that wants to join or leave to the change, so that others can come along.
        package var change: UInt64 = 200_000_000
        /// After a restart: for the members of the last roster to come back, all of them; and where the workers that were
        /// asked for are there and none of those has come.
        package var recovery: UInt64 = 10_000_000_000
        package var fruitlessRecovery: UInt64 = 3_000_000_000
        /// For the answer of a process whose name another one claims.
        package var claim: UInt64 = 1_000_000_000
        /// Who was left out because others could not reach it joins again after this, doubling.
        package var exclusion: UInt64 = 10_000_000_000
        /// For a joiner to reach all members.
        package var preflight: UInt64 = 5_000_000_000
        /// Until something is heard of a feed, and until the observer has caught up; then another member feeds it.
        package var feed: UInt64 = 10_000_000_000
        package var catchUp: UInt64 = 60_000_000_000
        /// From a wish to stop until all workers stand still.
        package var stop: UInt64 = 3_000_000_000
        /// A validation that goes on when a stop is asked for is waited for so long at most: it belongs to its step.
        package var stopInValidation: UInt64 = 20_000_000_000
        /// From then until their shares are collected.
        package var stopCollection: UInt64 = 1_500_000_000
        /// From a worker's HELLO until it is prepared.
        package var preparing: UInt64 = 600_000_000_000
        /// From START, or the first trial, until all links are there.
        package var linking: UInt64 = 60_000_000_000
        /// For one trial.
        package var trial: UInt64 = 120_000_000_000
        /// Without a completed turn for this long, and for `standstillTurns` times the longest turn so far: a standstill.
        package var standstill: UInt64 = 10_000_000_000
        package var standstillTurns: UInt64 = 20
        /// The same before any turn is completed: nobody knows what one takes.
        package var firstTurn: UInt64 = 60_000_000_000
        /// Without a byte of a share for this long while the state is collected.
        package var share: UInt64 = 10_000_000_000

        package init() {}

        #if LOCKSTEP_FAILPOINTS
        /// All that notices a failure takes so long.
        package mutating func shorten(to nanoseconds: UInt64) {
            pingInterval = max(1, nanoseconds / 5)
            suspicion = max(1, nanoseconds / 2)
            silence = nanoseconds
            freeze = nanoseconds
            reach = max(1, nanoseconds / 2)
            recovery = nanoseconds
            fruitlessRecovery = nanoseconds
            claim = nanoseconds
            exclusion = nanoseconds
            preflight = nanoseconds
            feed = nanoseconds
            catchUp = nanoseconds
            linking = nanoseconds
            standstill = nanoseconds
            firstTurn = nanoseconds
        }
        #endif
    }
}
