internal import CLockstepKernels
internal import LockstepCore

/// What a lane of a training step gave, as one word.
package enum LaneHash {
    /// Of a lane in which anything is infinite or not a number: those have many bits.
    package static let notFinite = UInt64.max

    /// The low word of the whole hash over the gradient, with loss, weight and the metrics' sums beside it.
    ///
    /// - Parameter gradient: of the lane, `count` floats.
    package static func hash(
        gradient: UnsafePointer<Float>, count: Int, result: LaneResult, metricSums: UnsafeBufferPointer<Double>,
        kernels: Kernels
    ) -> UInt64 {
        let numbers = [result.loss, result.weight] + metricSums
        guard result.isFinite, numbers.allSatisfy(\.isFinite), kernels.table.pointee.all_finite(count, gradient) else {
            return notFinite
        }
        return StateHashes(vectors: [gradient], count: count, numbers: numbers, kernels: kernels).whole.low
    }
}
