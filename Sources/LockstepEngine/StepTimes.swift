/// When the parts of a step began and ended, by `MonotonicClock`.
package struct StepTimes: Sendable, Hashable {
    package var start: UInt64
    /// When the last thread had its losses; where it computes several groups in turn, the start plus what forward took.
    package var forwardEnd: UInt64
    /// When all sums were complete.
    package var backwardEnd: UInt64
}
