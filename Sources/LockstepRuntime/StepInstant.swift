internal import Tracing

/// A moment of the monotonic clock, as a wall time that the tracing API takes.
struct StepInstant: TracerInstant {
    let nanosecondsSinceEpoch: UInt64

    static func < (left: StepInstant, right: StepInstant) -> Bool {
        left.nanosecondsSinceEpoch < right.nanosecondsSinceEpoch
    }

    /// How far the wall clock is ahead of the monotonic one, read once: spans of a process never overlap by a change
    /// of its wall clock.
    private static let offset = ProcessClock.wall - ProcessClock.now

    init(monotonic: UInt64) { nanosecondsSinceEpoch = monotonic + StepInstant.offset }
}
