package import LockstepCore
import LockstepTestSupport
package import LockstepWire
package import NIOCore

extension TimeAmount {
    /// For deadlines that are not what a test is about.
    package static let patience = TimeAmount.minutes(Int64(Patience.minutes))
}

extension LinkLimits {
    /// With time for peers on a machine that is busy.
    package static var patient: Self {
        var limits = Self()
        limits.openingDeadline = .patience
        limits.firstFrameDeadline = .patience
        return limits
    }
}

extension TLSContexts {
    /// Cuts nobody who has not read the last word yet.
    package static func patient(_ identity: Identity) throws(CommandError) -> Self {
        try Self(identity, shutdownTimeout: .patience)
    }
}
