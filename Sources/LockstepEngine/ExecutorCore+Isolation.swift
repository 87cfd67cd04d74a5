internal import LockstepCore

// Steps in which a lane is computed by itself.
extension ExecutorCore {
    /// Lays the threads' work out for a step, while all threads sleep.
    func layOut(isolating lane: Int?) {
        guard let lane else {
            lanes = together
            return
        }
        precondition(isolates && ownLanes.contains(lane), "an executor that isolates its own lanes")
        isolating?.deallocate()
        let schedule = LaneSchedule(
            lanes: ownLanes, tree: LaneTree(laneCount: laneCount), threads: schedule.threads.count,
            lanesPerGroup: schedule.lanesPerGroup, isolated: lane)
        precondition(schedule.bufferCount <= self.schedule.mostBufferCount, "room for an isolated lane's neighbours")
        let tables = LaneTables(schedule, progress: isolatingProgress, memory: gradientBuffers.floats)
        isolating = tables
        lanes = tables
    }

    /// The isolated lane's group is never the one that completes buckets, so nothing is added to it yet.
    func trainIsolated(_ thread: Int, _ batch: Batch) {
        let group = lanes.isolatedGroup
        zeroPaddings(group)
        let run = run(thread, group, batch)
        run.run(trainingInstructions, 0..<trainingInstructions.count)
        if thread == 0 { clock?.countGroup(samples: run.rows) }
        batch.isolated?.completed(lanes.destinations[lanes.groups[group].subtrees.lowerBound])
    }
}
