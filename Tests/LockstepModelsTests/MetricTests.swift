import LockstepCore
import LockstepEngine
import Testing

@testable import LockstepModels

@Suite("Metrics") struct MetricTests {
    static let ofClasses: [Metric] = [.accuracy, .topK(2), .confusionMatrix, .precision, .recall, .f1]

    @Test("of classes: what scikit-learn gives for the same table")
    func classes() throws {
        let set = try MetricSet(MetricTests.ofClasses, loss: .softmaxCrossEntropy, outputs: 3)
        #expect(set.sums == [.samples, .correct, .topK(2), .confusion(3), .classCounts(3)])
        #expect(set.sumCount == 1 + 1 + 1 + 9 + 9)
        // Rows are the classes: 5, 3 and 2 samples; the last is never guessed.
        let table: [[Double]] = [[4, 1, 0], [2, 1, 0], [1, 1, 0]]
        let counts: [Double] = [5, 7, 4, 3, 3, 1, 2, 0, 0]
        let totals = [10, 5, 8] + table.flatMap { $0 } + counts
        // The slice begins anywhere.
        let values = set.values(of: ([-1, -1] + totals)[2...])
        #expect(values.map(\.name) == ["accuracy", "top2", "precision", "recall", "f1"])
        let (p, r, f) = ((4.0 / 7 + 1.0 / 3) / 3, (4.0 / 5 + 1.0 / 3) / 3, (8.0 / 12 + 2.0 / 6) / 3)
        for (own, value) in zip(values, [0.5, 0.8, p, r, f]) { #expect(abs(own.value - value) < 1e-12, "\(own.name)") }
        #expect(set.matrix(of: totals[...]) == table)
    }

    @Test("of one logit: the positive class's")
    func logit() throws {
        let set = try MetricSet(
            [.accuracy, .precision, .recall, .f1, .confusionMatrix], loss: .binaryCrossEntropy(), outputs: 1)
        #expect(set.sums == [.decisions], "they share a table")
        let totals: [Double] = [50, 10, 5, 35]
        let values = set.values(of: totals[...]).map(\.value)
        for (own, value) in zip(values, [0.85, 35.0 / 45, 35.0 / 40, 70.0 / 85]) { #expect(abs(own - value) < 1e-12) }
        #expect(set.matrix(of: totals[...]) == [[50, 10], [5, 35]])
    }

    @Test("the area under the curve counts pairs, equal ones half")
    func areaUnderCurve() throws {
        let set = try MetricSet([.rocAUC], loss: .softmaxCrossEntropy, outputs: 2)
        let generator = Philox(key: [5, 6])
        var totals = [Double](repeating: 0, count: 1024)
        for bin in 0..<512 {
            totals[bin] = Double(generator.uniform(site: 1, index: 0, element: UInt32(bin)) * 4).rounded(.down)
            totals[512 + bin] = Double(generator.uniform(site: 2, index: 0, element: UInt32(bin)) * Float(bin) / 64)
                .rounded(.down)
        }
        var (won, pairs) = (0.0, 0.0)
        for negative in 0..<512 {
            for positive in 0..<512 {
                let count = totals[negative] * totals[512 + positive]
                pairs += count
                won += positive > negative ? count : positive == negative ? count / 2 : 0
            }
        }
        let area = try #require(set.values(of: totals[...]).first?.value)
        #expect(abs(area - won / pairs) < 1e-12)
        #expect(area > 0.6)
        #expect(set.values(of: [Double](repeating: 0, count: 1024)[...])[0].value == 0.5)
    }

    @Test("R² and the mean absolute error")
    func values() throws {
        let set = try MetricSet([.meanAbsoluteError, .rSquared], loss: .huber(), outputs: 2)
        #expect(set.sums == [.samples, .absoluteError, .residuals(2)])
        // Targets 3, −0.5, 2, 7 against 2.5, 0, 2, 8: scikit-learn's example, 0.9486081370449679; and a constant.
        let totals: [Double] = [4, 2, 11.5, 62.25, 1.5, 4, 4, 0]
        let values = set.values(of: totals[...])
        #expect(values[0].name == "meanAbsoluteError" && values[0].value == 0.5)
        #expect(abs(values[1].value - (0.9486081370449679 + 1) / 2) < 1e-12)
    }

    @Test("without samples a metric is 0")
    func empty() throws {
        let set = try MetricSet(MetricTests.ofClasses, loss: .softmaxCrossEntropy, outputs: 3)
        #expect(set.values(of: [Double](repeating: 0, count: set.sumCount)[...]).allSatisfy { $0.value == 0 })
        let other = try MetricSet([.rSquared, .meanAbsoluteError], loss: .meanSquaredError, outputs: 3)
        #expect(other.values(of: [Double](repeating: 0, count: other.sumCount)[...]).allSatisfy { $0.value == 0 })
    }

    @Test("a metric that does not fit is refused")
    func refusals() {
        let refused: [([Metric], Loss, Int, String)] = [
            ([.accuracy], .meanSquaredError, 1, "accuracy does not fit meanSquaredError"),
            ([.rSquared], .softmaxCrossEntropy, 3, "rSquared"), ([.rocAUC], .softmaxCrossEntropy, 3, "two classes"),
            ([.rocAUC], .binaryCrossEntropy(), 2, "one output"), ([.topK(0)], .softmaxCrossEntropy, 3, "topK 0"),
            ([.topK(4)], .softmaxCrossEntropy, 3, "1 to 3"), ([.f1, .f1], .softmaxCrossEntropy, 3, "named twice"),
            ([.confusionMatrix], .softmaxCrossEntropy, 65, "4096"),
            ([.precision], .softmaxCrossEntropy, 1366, "4096"),
            ([.confusionMatrix], .softmaxCrossEntropy, 1 << 40, "4096"),
        ]
        for (metrics, loss, outputs, words) in refused {
            #expect {
                try MetricSet(metrics, loss: loss, outputs: outputs)
            } throws: {
                ($0 as? CommandError)?.exitCode == .usage && ($0 as? CommandError)?.message.contains(words) == true
            }
        }
        #expect(throws: Never.self) { try MetricSet([.confusionMatrix], loss: .softmaxCrossEntropy, outputs: 64) }
    }

    @Test("metrics change the plan's digest but not the model's description")
    func digest() throws {
        func plan(_ metrics: [Metric]?) throws -> Plan {
            try Plan.compile(
                model: Linear(3), inputShape: [2], loss: .softmaxCrossEntropy, optimizer: .sgd(learningRate: 0.1),
                metrics: metrics)
        }
        #expect(try plan(nil).digest == plan([.accuracy]).digest)
        #expect(try plan([.accuracy, .f1]).digest != plan(nil).digest)
        #expect(try plan([.accuracy, .f1]).modelDescription == plan(nil).modelDescription)
        #expect(try plan([]).metricSumCount == 0)
    }

    @Test("which way is better")
    func direction() {
        for name in ["accuracy", "top5", "f1", "rSquared", "rocAUC"] { #expect(Metric.isGreaterBetter(name)) }
        for name in ["loss", "meanAbsoluteError"] { #expect(!Metric.isGreaterBetter(name)) }
    }
}
