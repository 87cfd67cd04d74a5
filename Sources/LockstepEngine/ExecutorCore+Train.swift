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
        let last = schedule.threads[thread].upperBound - 1
        var bucket = 0
        for group in schedule.threads[thread] {
            zeroPaddings(group)
            let run = run(thread, group, batch)
            let groupStart = MonotonicClock.nanoseconds()
            train(run, forward, thread, isLast: group == last, &bucket)
            forwardEnd += MonotonicClock.nanoseconds() - groupStart
            train(run, backward, thread, isLast: group == last, &bucket)
            if thread == 0 { clock?.countGroup(samples: run.rows) }
        }
        threadStates[thread].forwardEnd = forwardEnd
        let computed = MonotonicClock.nanoseconds()
        while let piece = progress.claimLast() { add(piece) }
        if thread == 0 {
            clock?.countStep(packing: packed - start, additions: MonotonicClock.nanoseconds() - computed)
        }
    }

    /// A thread's last group completes buckets, and between its instructions the thread takes part in their additions.
    private func train(_ run: GroupRun, _ range: Range<Int>, _ thread: Int, isLast: Bool, _ bucket: inout Int) {
        guard isLast else { return run.run(trainingInstructions, range) }
        for index in range {
            run.run(trainingInstructions, index..<index + 1)
            progress.pass(index, &bucket)
            guard let piece = progress.claim() else { continue }
            let start = clock == nil ? 0 : MonotonicClock.nanoseconds()
            add(piece)
            while let piece = progress.claim() { add(piece) }
            if thread == 0 { clock?.countAdditions(MonotonicClock.nanoseconds() - start) }
        }
    }

    private func add(_ piece: GradientProgress.Piece) {
        for addition in additions {
            kernels.pointee.add(
                piece.range.count, destinations[addition.into] + piece.range.lowerBound,
                destinations[addition.from] + piece.range.lowerBound)
        }
        progress.finish(piece)
    }
}
