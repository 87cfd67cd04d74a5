internal import LockstepCore

/// A schedule of lanes in the form in which compute threads read it: pointers only.
struct LaneTables {
    /// The groups of each thread.
    let threads: UnsafeBufferPointer<Range<Int>>
    let groups: UnsafeBufferPointer<LaneSchedule.Group>
    let subtrees: UnsafeBufferPointer<LaneSchedule.Subtree>
    let additions: UnsafeBufferPointer<LaneSchedule.Addition>
    /// By subtree: the additions of its lanes.
    let laneAdditions: UnsafeBufferPointer<UnsafeBufferPointer<LaneTree.Addition>>
    /// Row numbers inside each group; group g's begin at its first lane plus g.
    let rows: UnsafeMutablePointer<UInt32>
    /// By subtree: where its gradient goes in this step.
    let destinations: UnsafeMutablePointer<UnsafeMutablePointer<Float>>
    /// The group with only the isolated lane, or −1.
    let isolatedGroup: Int
    let progress: GradientProgress

    /// - Parameter memory: where destinations point before the first step.
    init(_ schedule: LaneSchedule, progress: GradientProgress, memory: UnsafeMutablePointer<Float>) {
        threads = ExecutorCore.copied(schedule.threads)
        groups = ExecutorCore.copied(schedule.groups)
        subtrees = ExecutorCore.copied(schedule.subtrees)
        additions = ExecutorCore.copied(schedule.additions)
        laneAdditions = ExecutorCore.copied(
            schedule.subtrees.map { ExecutorCore.copied(ExecutorCore.laneAdditions(count: $0.lanes.count)) })
        let rowCount = schedule.groups.reduce(0) { $0 + $1.lanes.count + 1 }
        rows = .allocate(capacity: rowCount)
        rows.initialize(repeating: 0, count: rowCount)
        destinations = .allocate(capacity: schedule.subtrees.count)
        destinations.initialize(repeating: memory, count: schedule.subtrees.count)
        isolatedGroup = schedule.isolatedGroup ?? -1
        self.progress = progress
    }

    func deallocate() {
        threads.deallocate()
        groups.deallocate()
        subtrees.deallocate()
        additions.deallocate()
        for additions in laneAdditions { additions.deallocate() }
        laneAdditions.deallocate()
        rows.deallocate()
        destinations.deallocate()
    }
}
