import LockstepCluster
import LockstepCore
import LockstepTestSupport
import LockstepWire
import NIOCore

extension TimeAmount {
    /// For deadlines that are not what a test is about.
    static let patience = TimeAmount.minutes(Int64(Patience.minutes))
}

extension LinkLimits {
    /// With time for peers on a machine that is busy.
    static var patient: Self {
        var limits = Self()
        limits.openingDeadline = .patience
        limits.firstFrameDeadline = .patience
        return limits
    }
}

extension TLSContexts {
    /// Cuts nobody who has not read the last word yet.
    static func patient(_ identity: Identity) throws(CommandError) -> Self {
        try Self(identity, shutdownTimeout: .patience)
    }
}

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
