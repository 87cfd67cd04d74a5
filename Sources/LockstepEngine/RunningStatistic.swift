internal import LockstepCore

/// A buffer that follows a statistic of the batches: in the gradient's vector its place holds Σ count · value over
/// lanes, and the update moves it by `momentum` towards the mean.
package struct RunningStatistic: Sendable, Hashable {
    /// Elements of the flat vector.
    package var range: Range<Int>
    package var momentum: Float
    /// Values that one sample gives to each channel.
    package var positions: Int

    /// The counts of all lanes together: of a lane the values of a channel, or 0 where these are fewer than two.
    func weight(batchCount: Int, laneCount: Int) -> Int {
        (0..<laneCount).reduce(0) { sum, lane in
            let count = LanePositions.range(lane: lane, of: laneCount, batch: batchCount).count * positions
            return sum + (count < 2 ? 0 : count)
        }
    }
}
