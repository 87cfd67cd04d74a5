import LockstepTestSupport

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension Duration {
    /// What users are promised on a machine that has time: with `LOCKSTEP_TEST_TIMES=exact`. Else only that it comes.
    static func promised(_ seconds: Int) -> Duration {
        ProcessInfo.processInfo.environment["LOCKSTEP_TEST_TIMES"] == "exact" ? .seconds(seconds) : Patience.duration
    }
}
