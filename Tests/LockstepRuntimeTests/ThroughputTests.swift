import LockstepCluster
import LockstepCore
import Testing

@testable import LockstepRuntime

@Suite struct ThroughputTests {
    private func report(_ step: UInt32, seconds: Double = 0.1) -> StepReport {
        StepReport(
            step: step, epoch: 1, loss: 0.5, metrics: [], learningRate: 0.001, samples: 10, seconds: seconds)
    }

    @Test func isMeasuredByTheClock() {
        var throughput = Throughput()
        throughput.start(now: 100)
        for step in 1...10 as ClosedRange<UInt32> { throughput.add(report(step), now: 100 + Double(step) * 0.2) }
        #expect(abs(throughput.seconds - 2) < 1e-9 && abs(throughput.samplesPerSecond - 50) < 1e-6)
        #expect(throughput.steps == 10 && throughput.samples == 100)
    }

    /// A thousand steps that were done while there was no coordinator, and then some as they come.
    @Test func whatIsToldAtOnceWasNotDoneAtOnce() {
        var throughput = Throughput()
        for step in 1...1000 as ClosedRange<UInt32> { throughput.add(report(step), now: 50) }
        #expect(abs(throughput.samplesPerSecond - 100) < 1)
        for step in 1001...1010 as ClosedRange<UInt32> {
            throughput.add(report(step), now: 50 + Double(step - 1000) * 0.1)
            #expect(abs(throughput.samplesPerSecond - 100) < 1)
        }
    }

    @Test func theFirstStepCountsItsOwnTime() {
        var throughput = Throughput()
        throughput.add(report(7, seconds: 0.5), now: 10)
        #expect(throughput.samplesPerSecond == 20)
        #expect(Throughput().samplesPerSecond == 0)
    }

    @Test func reportsThatLieAreNoMeasure() {
        var throughput = Throughput()
        for seconds in [.nan, -1e300, .infinity] as [Double] { throughput.add(report(1, seconds: seconds), now: 1) }
        #expect(throughput.seconds.isFinite && throughput.samplesPerSecond.isFinite)
    }
}
