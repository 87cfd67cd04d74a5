import LockstepCluster
import LockstepTestSupport

private let nanoseconds = UInt64(Patience.minutes) * 60_000_000_000

extension CoordinatorConfiguration.Timing {
    /// Nobody is lost because the machine is busy.
    static var patient: Self {
        var timing = Self()
        timing.suspicion = nanoseconds
        timing.silence = nanoseconds
        timing.freeze = nanoseconds
        timing.stop = nanoseconds
        timing.stopCollection = nanoseconds
        timing.linking = nanoseconds
        timing.trial = nanoseconds
        timing.standstill = nanoseconds
        timing.firstTurn = nanoseconds
        timing.share = nanoseconds
        return timing
    }
}

extension WorkerCore.Timing {
    static var patient: Self {
        var timing = Self()
        timing.linking = nanoseconds
        timing.silence = nanoseconds
        timing.patience = nanoseconds
        return timing
    }
}
