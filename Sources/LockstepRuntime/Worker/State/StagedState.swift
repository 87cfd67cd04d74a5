internal import LockstepEngine

/// A copy of a state on its way into a worker that lacks it. Its hashes are compared before it takes the place of the old one.
// Safe: filled by one rail's loop or by the driver, and handed from the one to the other through a mailbox.
final class StagedState: @unchecked Sendable {
    /// The parameters, then the others in order.
    let vectors: [FloatMemory]
    /// The numbers beside the vectors as they travel: two floats for each.
    let numberMemory: FloatMemory
    private let elementCount: Int

    init(_ pieces: StatePieces) {
        elementCount = pieces.elementCount
        vectors = (0..<pieces.vectorCount).map { _ in FloatMemory(count: pieces.elementCount) }
        numberMemory = FloatMemory(count: 2 * pieces.numberCount)
    }

    var numbers: [Double] { numberMemory.numbers }

    /// - Parameter vector: the number behind the last one is that of the numbers.
    func memory(_ vector: Int) -> FloatMemory { vector == vectors.count ? numberMemory : vectors[vector] }

    func hashes(_ kernels: Kernels) -> StateHashes {
        StateHashes(
            vectors: vectors.map { UnsafePointer($0.pointer) }, count: elementCount, numbers: numbers, kernels: kernels)
    }
}
