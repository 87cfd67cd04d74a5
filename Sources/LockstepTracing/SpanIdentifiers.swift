internal import Synchronization

/// The 16 bytes that name a trace; not all zero.
package struct TraceIdentifier: Sendable, Hashable {
    package let high: UInt64
    package let low: UInt64

    package init?(high: UInt64, low: UInt64) {
        guard high | low != 0 else { return nil }
        self.high = high
        self.low = low
    }
}

/// Numbers for spans: all different within a process, and by chance different between processes.
final class SpanIdentifiers: Sendable {
    private let next: Atomic<UInt64>

    init(seed: UInt64 = UInt64.random(in: .min ... .max)) { next = Atomic(seed) }

    /// A number that is not zero.
    func span() -> UInt64 {
        while true {
            let identifier = SpanIdentifiers.mixed(next.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue)
            if identifier != 0 { return identifier }
        }
    }

    func trace() -> TraceIdentifier {
        while true {
            if let identifier = TraceIdentifier(high: span(), low: span()) { return identifier }
        }
    }

    /// SplitMix64's last stage: one to one, and every bit of the result depends on every bit of `value`.
    static func mixed(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
