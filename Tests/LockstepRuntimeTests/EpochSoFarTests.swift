import LockstepData
import Testing

@testable import LockstepRuntime

/// What is known of an epoch in whose midst a run goes on.
@Suite struct EpochSoFarTests {
    /// Four steps an epoch, the last one of 2 samples.
    private static let order = SampleOrder(count: 26, batchSize: 8, seed: 1, isShuffled: true)

    private static func loss(_ step: Int) -> Double { 1 / Double(step + 2) }

    private static func add(_ steps: some Sequence<Int>, to epoch: inout EpochSoFar) {
        for step in steps { epoch.add(step: step, loss: loss(step), metrics: [loss(step) / 3]) }
    }

    /// What an undisturbed run has summed after these steps of one epoch.
    private static func undisturbed(_ steps: ClosedRange<Int>) -> EpochSummary {
        var summary = EpochSummary()
        for step in steps {
            summary.add(
                epoch: order.epoch(ofStep: step), samples: order.batchCount(ofStep: step), loss: loss(step),
                metrics: [loss(step) / 3])
        }
        return summary
    }

    private static func agreed(_ step: Int) -> EpochSoFar {
        let summary = undisturbed((step - 1) / 4 * 4 + 1...step)
        return EpochSoFar(order, agreedStep: step, loss: summary.loss, metrics: summary.metrics)
    }

    /// To the last bit: the lines count, not the state's sums, which were added in another order.
    @Test(arguments: [0, 2, 4, 5, 6], [1, 3, 4, 5, 7, 8]) func allLinesAreThere(agreed: Int, last: Int) {
        var epoch =
            agreed == 0
            ? EpochSoFar(EpochSoFarTests.order)
            : EpochSoFar(EpochSoFarTests.order, agreedStep: min(agreed, last), loss: 7, metrics: [7])
        EpochSoFarTests.add(1...last, to: &epoch)
        #expect(epoch.summary == EpochSoFarTests.undisturbed((last - 1) / 4 * 4 + 1...last))
    }

    @Test func theAgreedStateTakesThePlaceOfLostLines() {
        // Before it, in its epoch and in an earlier one.
        for lines in [[1, 2, 3, 4, 6, 7, 8], [6, 7, 8], [7, 8]] {
            var epoch = EpochSoFarTests.agreed(6)
            EpochSoFarTests.add(lines, to: &epoch)
            let due = EpochSoFarTests.undisturbed(5...8)
            #expect(epoch.summary.samples == 26 && abs(epoch.summary.loss - due.loss) < 1e-15, "\(lines)")
            #expect(abs(epoch.summary.metrics[0] - due.metrics[0]) < 1e-15)
        }
        // The last lines.
        for lines in [[], [1, 2, 3], [1, 2, 3, 4, 5]] {
            var epoch = EpochSoFarTests.agreed(6)
            EpochSoFarTests.add(lines, to: &epoch)
            #expect(epoch.summary.samples == 16 && epoch.summary.epoch == 2, "\(lines)")
        }
    }

    /// Lines that are lost behind the state are lost: what is there counts.
    @Test func whatNobodyKnowsIsLeftOut() {
        var epoch = EpochSoFarTests.agreed(5)
        EpochSoFarTests.add([1, 2, 3, 4, 5, 7, 8], to: &epoch)
        #expect(epoch.summary.samples == 18)
        EpochSoFarTests.add([9, 10], to: &epoch)
        #expect(epoch.summary == EpochSoFarTests.undisturbed(9...10))
        var none = EpochSoFar(EpochSoFarTests.order)
        none.add(step: 0, loss: 1, metrics: [])
        #expect(none.summary.samples == 0)
    }
}
