import LockstepCluster
import LockstepCore
import Synchronization
import Testing

@testable import LockstepRuntime

@Suite struct OutputTests {
    @Test func numbersReadWell() {
        #expect(NumberText.fixed(0.12345, 4) == "0.1235")
        #expect(NumberText.fixed(97.999, 2) == "98.00")
        #expect(NumberText.fixed(-0.001, 2) == "0.00")
        #expect(NumberText.fixed(.nan, 2) == "nan")
        #expect(NumberText.grouped(1_234_567) == "1,234,567")
        #expect(NumberText.grouped(999) == "999")
        #expect(NumberText.grouped(1234.5) == "1,234" || NumberText.grouped(1234.5) == "1,235")
        #expect(NumberText.grouped(.nan) == "nan")
        #expect(NumberText.grouped(1e300) == "1e+300")
        #expect(NumberText.duration(65) == "1:05")
        #expect(NumberText.duration(3723) == "1:02:03")
        #expect(NumberText.duration(.infinity) == "?")
        #expect(NumberText.rate(0.000954) == "0.000954")
        #expect(NumberText.rate(0.001) == "0.00100")
        #expect(NumberText.rate(9.5e-7) == "9.50e-7")
        #expect(NumberText.rate(0) == "0")
    }

    private func report(_ step: UInt32, epoch: UInt32) -> StepReport {
        StepReport(
            step: step, epoch: epoch, loss: 0.5, metrics: [.init(name: "accuracy", value: 0.75)], learningRate: 0.001,
            samples: 10, seconds: 0.1)
    }

    @Test func oneLineAnEpochWithoutATerminal() {
        let text = ResultLines()
        var display = ProgressDisplay(columns: nil, epochs: 2, steps: 5, stepsPerEpoch: 3) { text.append($0) }
        for step in 1...5 as ClosedRange<UInt32> {
            display.add(report(step, epoch: step <= 3 ? 1 : 2), now: Double(step) * 0.1)
        }
        let lines = text.all
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("epoch 1/2  step 3/5  loss 0.5000  accuracy 75.00 %  rate 0.00100"))
        #expect(lines[1].hasPrefix("epoch 2/2  step 5/5"))
        #expect(lines.allSatisfy { $0.hasSuffix("left\n") && !$0.contains("\u{1B}") })
    }

    @Test func aBarOnATerminal() {
        let text = ResultLines()
        var display = ProgressDisplay(columns: { 140 }, epochs: 1, steps: 4, stepsPerEpoch: 4) { text.append($0) }
        for step in 1...4 as ClosedRange<UInt32> { display.add(report(step, epoch: 1), now: Double(step)) }
        let all = text.all.joined()
        #expect(all.contains("[============            ]"))
        #expect(all.contains("[========================]"))
        #expect(all.hasSuffix("\n"))
        #expect(all.contains("\r\u{1B}[K"))
    }

    @Test(arguments: [20, 60, 80, 100, 120]) func neverWiderThanTheTerminal(columns: Int) {
        let text = ResultLines()
        var display = ProgressDisplay(columns: { columns }, epochs: 1, steps: 4, stepsPerEpoch: 4) { text.append($0) }
        for step in 1...4 as ClosedRange<UInt32> { display.add(report(step, epoch: 1), now: Double(step)) }
        for line in text.all where line != "\n" {
            #expect(line.hasPrefix("\r\u{1B}[Kepoch 1/1 "))
            #expect(line.dropFirst(4).contains("[") == (columns >= 80))
            #expect(line.count - 4 < columns)
        }
    }

    /// The coordinator's core refuses such reports; the display must not depend on it.
    @Test func survivesReportsThatLie() {
        var display = ProgressDisplay(columns: { 120 }, epochs: 1, steps: 4, stepsPerEpoch: 4) { _ in }
        for (epoch, seconds) in [(1000, 0.1), (1, .nan), (1, -1e300), (0, .infinity)] as [(UInt32, Double)] {
            var report = report(4, epoch: epoch)
            report.seconds = seconds
            report.samples = .max
            display.add(report, now: 1)
        }
    }

    @Test func epochsAreWeightedBySamples() {
        var summary = EpochSummary()
        summary.add(epoch: 1, samples: 30, loss: 1, metrics: [0])
        summary.add(epoch: 1, samples: 10, loss: 5, metrics: [1])
        #expect(summary.loss == 2)
        #expect(summary.metrics == [0.25])
        summary.add(epoch: 2, samples: 1, loss: 7, metrics: [1])
        #expect(summary.loss == 7)
    }
}
