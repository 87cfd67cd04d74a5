import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

/// What a worker reports of the samples that all members used.
@Suite struct SampleReportTests {
    private func reports(
        of worker: inout TestWorker, _ steps: [(step: UInt32, epoch: UInt32, samples: [UInt64], seconds: Double)]
    ) throws -> [Progress] {
        var actions: [WorkerAction] = []
        for step in steps {
            let summary = try TestWorker.summary(samples: step.samples)
            actions += worker.finish(Turn(.train, step: step.step), summary)
            var report = TestWorker.report(step.step, epoch: step.epoch)
            report.computeSeconds = step.seconds
            worker.now += 1_000_000_000
            actions += worker.event(.updated(report))
        }
        return actions.progress
    }

    @Test func everyWorkerReportsForAll() throws {
        var worker = TestWorker.running(TestWorker.preparation(lastStep: 9))
        let progress = try reports(
            of: &worker,
            [(1, 1, [5, 6, 7], 2), (2, 1, [1, .max, 4], 4), (3, 2, [2, 3, 4], 0), (4, 2, [1, 1, 1], 6)])
        let reports = progress.flatMap(\.reports)
        #expect(reports.map(\.sampleHashes) == [[5, 6, 7], [1, .max, 4], [2, 3, 4], [1, 1, 1]])
        // The sum begins anew with an epoch, and goes round at 2⁶⁴.
        #expect(reports.map(\.epochSampleSum) == [18, 22, 9, 12])
        #expect(reports.allSatisfy { $0.generation == 1 })
        #expect(worker.core.epochSampleSum == 12)
        // Its own one lane; what was not measured does not count.
        #expect(progress.last?.secondsPerLane == 4)
    }

    /// A state that comes in the midst of an epoch brings its sum along.
    @Test func aHeldStateBringsItsSum() throws {
        var state = TestWorker.held(4)
        state.epoch = 2
        state.epochSampleSum = 100
        var worker = TestWorker.running(TestWorker.preparation(state, lastStep: 9))
        let reports = try reports(of: &worker, [(5, 2, [1, 2, 3], 1), (6, 3, [1, 2, 4], 1)]).flatMap(\.reports)
        #expect(reports.map(\.epochSampleSum) == [106, 7])
        // The canary: it is the state's, not the worker's.
        state.epochSampleSum = 101
        var other = TestWorker.running(TestWorker.preparation(state, lastStep: 9))
        let others = try self.reports(of: &other, [(5, 2, [1, 2, 3], 1)]).flatMap(\.reports)
        #expect(others.map(\.epochSampleSum) == [107])
    }
}
