/// How many of the processes at hand are members; the others are kept as observers.
package struct SparePolicy: Sendable, Hashable {
    /// The workers that were asked for: so many become members before any is kept.
    package var workers: Int
    /// Observers that are kept ready.
    package var spares: Int
    package var laneCount: Int

    package init(workers: Int, spares: Int, laneCount: Int) {
        self.workers = workers
        self.spares = spares
        self.laneCount = laneCount
    }

    /// The first `workers` are members, the next `spares` are kept, and those beyond them are members again.
    ///
    /// - Parameter count: members, and those that could become members at once.
    package func members(of count: Int) -> Int {
        min(laneCount, max(min(count, workers), count - spares))
    }

    /// How many observers are of use beside so many members.
    package func observers(beside members: Int) -> Int { max(0, laneCount - members) + spares }
}
