internal import CLockstepKernels

// Forward, loss and backward.
extension ExecutorCore {
    /// This thread's groups, and its share of the sums over groups.
    func train(_ thread: Int, _ batch: Batch) {
        let start = MonotonicClock.nanoseconds()
        if trainingPackingsAtUse.isEmpty { pack(thread, batch.parameters, packings.count) }
        barrier.wait()
        // Where groups follow each other it is as if the forward passes of all came first.
        let packed = MonotonicClock.nanoseconds()
        var forwardEnd = packed
        let forward = 0..<plan.training.forwardCount
        let backward = plan.training.forwardCount..<trainingInstructions.count
        let (groups, isolated, progress) = (lanes.threads[thread], lanes.isolatedGroup, lanes.progress)
        if groups.contains(isolated) { trainIsolated(thread, batch) }
        let last = groups.upperBound - (groups.upperBound - 1 == isolated ? 2 : 1)
        var bucket = 0
        for group in groups where group != isolated {
            zeroPaddings(group)
            let run = run(thread, group, batch)
            let groupStart = MonotonicClock.nanoseconds()
            train(run, forward, thread, isLast: group == last, &bucket)
            forwardEnd += MonotonicClock.nanoseconds() - groupStart
            train(run, backward, thread, isLast: group == last, &bucket)
            if thread == 0 { clock?.countGroup(samples: run.rows) }
        }
        // The isolated lane may be all that there is.
        if last < groups.lowerBound { progress.pass(trainingInstructions.count, &bucket) }
        threadStates[thread].forwardEnd = forwardEnd
        let computed = MonotonicClock.nanoseconds()
        while let piece = progress.claimLast() { add(piece, progress) }
        if thread == 0 {
            clock?.countStep(packing: packed - start, additions: MonotonicClock.nanoseconds() - computed)
        }
    }

    /// A thread's last group completes buckets, and between its instructions the thread takes part in their additions.
    private func train(_ run: GroupRun, _ range: Range<Int>, _ thread: Int, isLast: Bool, _ bucket: inout Int) {
        guard isLast else { return run.run(trainingInstructions, range) }
        let progress = lanes.progress
        for index in range {
            run.run(trainingInstructions, index..<index + 1)
            progress.pass(index, &bucket)
            guard let piece = progress.claim() else { continue }
            let start = clock == nil ? 0 : MonotonicClock.nanoseconds()
            add(piece, progress)
            while let piece = progress.claim() { add(piece, progress) }
            if thread == 0 { clock?.countAdditions(MonotonicClock.nanoseconds() - start) }
        }
    }

    private func add(_ piece: GradientProgress.Piece, _ progress: GradientProgress) {
        for addition in lanes.additions {
            kernels.pointee.add(
                piece.range.count, lanes.destinations[addition.into] + piece.range.lowerBound,
                lanes.destinations[addition.from] + piece.range.lowerBound)
        }
        progress.finish(piece)
    }
}
