/// The samples of one turn that this worker's lanes hold, in memory that is used again for a later turn.
// Safe: loader and driver hand a batch to each other through mailboxes, so that one at a time touches it.
final class Batch: @unchecked Sendable {
    let inputs: FloatMemory
    let labels: UnsafeMutablePointer<Int32>
    /// Offsets of rows, one more than there are lanes.
    let laneStarts: UnsafeMutablePointer<UInt32>
    /// Samples of the whole global batch.
    var batchSize = 0
    /// Over the numbers of the samples of these lanes.
    var sampleHash: UInt64 = 0

    /// - Parameters:
    ///   - rows: the most samples that the lanes ever hold.
    init(rows: Int, lanes: Int, sampleElements: Int) {
        inputs = FloatMemory(count: rows * sampleElements)
        labels = .allocate(capacity: max(1, rows))
        labels.initialize(repeating: 0, count: max(1, rows))
        laneStarts = .allocate(capacity: lanes + 1)
        laneStarts.initialize(repeating: 0, count: lanes + 1)
    }

    deinit {
        labels.deallocate()
        laneStarts.deallocate()
    }
}
