#if LOCKSTEP_FAILPOINTS
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The one door by which faults for tests enter a process: `LOCKSTEP_FAILPOINTS`, a list such as
/// `loss-not-finite=3:5,flip-parameter=7:w1,records-per-key=100`. Compiled into debug builds only.
struct Failpoints: Sendable {
    /// Step and lane whose loss is made not a number.
    private(set) var lossNotFinite: (step: Int, lane: Int)?
    /// Step before which the named worker flips a bit of its parameters.
    private(set) var flipParameter: (step: Int, worker: String)?
    /// TLS records after which a data link wants a successor.
    private(set) var recordsPerKey: Int?

    static let current = Failpoints(getenv("LOCKSTEP_FAILPOINTS").map { String(cString: $0) } ?? "")

    init(_ text: String) {
        for item in text.split(separator: ",") {
            let parts = item.split(whereSeparator: { $0 == "=" || $0 == ":" }).map(String.init)
            guard parts.count > 1, let number = Int(parts[1]) else { continue }
            switch (parts[0], parts.count) {
            case ("loss-not-finite", 3): lossNotFinite = Int(parts[2]).map { (number, $0) }
            case ("flip-parameter", 3): flipParameter = (number, parts[2])
            case ("records-per-key", 2): recordsPerKey = number
            default: break
            }
        }
    }
}
#endif
