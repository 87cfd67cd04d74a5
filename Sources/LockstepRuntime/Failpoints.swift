#if LOCKSTEP_FAILPOINTS
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The one door by which faults for tests enter a process: `LOCKSTEP_FAILPOINTS`, a list such as
/// `loss-not-finite=3:5,flip-parameter=7:w1`. Compiled into debug builds only.
struct Failpoints: Sendable {
    /// Step and lane whose loss is made not a number.
    private(set) var lossNotFinite: (step: Int, lane: Int)?
    /// Step before which the named worker flips a bit of its parameters.
    private(set) var flipParameter: (step: Int, worker: String)?

    static let current = Failpoints(getenv("LOCKSTEP_FAILPOINTS").map { String(cString: $0) } ?? "")

    init(_ text: String) {
        for item in text.split(separator: ",") {
            let parts = item.split(whereSeparator: { $0 == "=" || $0 == ":" }).map(String.init)
            guard parts.count == 3, let step = Int(parts[1]) else { continue }
            switch parts[0] {
            case "loss-not-finite": lossNotFinite = Int(parts[2]).map { (step, $0) }
            case "flip-parameter": flipParameter = (step, parts[2])
            default: break
            }
        }
    }
}
#endif
