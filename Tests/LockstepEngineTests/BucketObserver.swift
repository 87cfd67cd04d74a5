import Synchronization

/// Looks at the gradient at the moment when a bucket is said to be complete.
// Safe: `roots` and `ranges` change only between steps, the snapshots are guarded by the mutex.
final class BucketObserver: @unchecked Sendable {
    struct Snapshot {
        let bucket: Int
        /// By root: the bits of the bucket.
        let sums: [[UInt32]]
        /// Whether the last bucket of the first root still begins with the rubbish that was there before the step.
        let isLastUntouched: Bool
    }

    let ranges: [Range<Int>]
    private var roots: [UnsafeBufferPointer<Float>] = []
    /// How often it was told of a bucket.
    let count = Atomic(0)
    private let taken = Mutex<[Snapshot]>([])
    /// What `train` is given.
    private(set) var told: (@Sendable (Int) -> Void)?

    /// - Parameter isCounting: it only counts, and allocates nothing.
    init(ranges: [Range<Int>], isCounting: Bool = false) {
        self.ranges = ranges
        told = { [unowned self] bucket in
            count.add(1, ordering: .relaxed)
            if !isCounting { take(bucket) }
        }
    }

    /// In the order in which they were taken.
    var snapshots: [Snapshot] { taken.withLock { $0 } }

    func begin(_ roots: [UnsafeBufferPointer<Float>]) {
        self.roots = roots
        taken.withLock { $0 = [] }
    }

    private func take(_ bucket: Int) {
        let lastStart = ranges[ranges.count - 1].lowerBound
        let sums = roots.map { root in root[ranges[bucket]].map(\.bitPattern) }
        let snapshot = Snapshot(bucket: bucket, sums: sums, isLastUntouched: roots[0][lastStart].isNaN)
        taken.withLock { $0.append(snapshot) }
    }

    /// The buckets that did not yet have their final sums.
    func early(_ gradients: [[UInt32]]) -> [Int] {
        snapshots.filter { snapshot in
            snapshot.sums != gradients.map { Array($0[ranges[snapshot.bucket]]) }
        }.map(\.bucket)
    }
}
