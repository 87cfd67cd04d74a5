/// The samples of one turn that this worker's lanes hold, in memory that is used again for a later turn.
// Safe: loader and driver hand a batch to each other through mailboxes, so that one at a time touches it.
final class Batch: @unchecked Sendable {
    let inputs: FloatMemory
    /// Words of 4 bytes: classes or values, sample by sample.
    let targets: FloatMemory
    /// Offsets of rows, one more than there are lanes.
    let laneStarts: UnsafeMutablePointer<UInt32>
    /// Where the first row stands in the global batch.
    var firstPosition: UInt32 = 0
    /// Over the numbers of the samples of these lanes.
    var sampleHash: UInt64 = 0

    /// - Parameters:
    ///   - rows: the most samples that the lanes ever hold.
    init(rows: Int, lanes: Int, sampleElements: Int, targetElements: Int) {
        inputs = FloatMemory(count: rows * sampleElements)
        targets = FloatMemory(count: rows * targetElements)
        laneStarts = .allocate(capacity: lanes + 1)
        laneStarts.initialize(repeating: 0, count: lanes + 1)
    }

    deinit { laneStarts.deallocate() }
}
