internal import LockstepCluster
internal import LockstepEngine

/// A worker's share of S(step), put aside between two steps, so that training goes on while it travels. Its memory is
/// used again for the next snapshot.
// Safe: filled by the driver's thread while no frame of it is on its way, read afterwards.
final class ShareCopy: @unchecked Sendable {
    let vectors: [FloatMemory]
    /// Floats of the share.
    let count: Int
    private(set) var step: UInt32 = 0
    private(set) var numbers: [Double] = []

    init(count: Int, vectors: Int) {
        self.count = count
        self.vectors = (0..<vectors).map { _ in FloatMemory(count: count) }
    }

    func fill(from state: FlatState, _ fetch: Fetch, numbers: [Double]) {
        let range = StateShare.range(fetch.share, of: fetch.count, elementCount: state.layout.count)
        for (copy, vector) in zip(vectors, [state.parameters] + state.vectors) {
            copy.pointer.update(from: vector + range.lowerBound, count: range.count)
        }
        step = fetch.step
        self.numbers = fetch.share == 0 ? numbers : []
    }
}
