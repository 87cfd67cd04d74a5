import CLockstepKernels
import Foundation
import Testing

@Suite("Gradients of recurrent layers") struct RecurrenceGradientTests {
    /// Σ dy · h of one sample, in binary64.
    private static func value(_ c: RecurrenceCase, x: [Double], weights: [Double]) -> Double {
        let units = c.shape.units, gateCount = c.gateCount
        var h = [Double](repeating: 0, count: units), cells = h
        var sum = 0.0
        for index in 0..<c.shape.steps {
            let step = c.shape.reverse ? c.shape.steps - 1 - index : index
            let before = h
            func own(_ gate: Int) -> Double {
                (0..<units).reduce(Double(c.bias[gate])) { $0 + before[$1] * weights[gate * units + $1] }
            }
            func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
            func outer(_ gate: Int) -> Double { x[step * gateCount + gate] }
            for u in 0..<units {
                let first = sigmoid(outer(u) + own(u)), second = sigmoid(outer(units + u) + own(units + u))
                if gateCount == 4 * units {
                    let new = tanh(outer(2 * units + u) + own(2 * units + u))
                    cells[u] = second * cells[u] + first * new
                    h[u] = sigmoid(outer(3 * units + u) + own(3 * units + u)) * tanh(cells[u])
                } else {
                    let new = tanh(outer(2 * units + u) + first * own(2 * units + u))
                    h[u] = (1 - second) * new + second * before[u]
                }
                sum += Double(c.dy[step * units + u]) * h[u]
            }
        }
        return sum
    }

    @Test("gradients agree with differences in binary64", arguments: [3, 4])
    func differences(gates: Int) throws {
        let kernels = try Variants.table(Variants.names[0])
        var random = TestGenerator("recurrence differences of \(gates) gates")
        for reverse in [false, true] {
            let c = RecurrenceCase(
                ls_recurrence(steps: 5, units: 3, reverse: reverse), gates: gates, samples: 1, &random)
            let hidden: [Float], gradient: [Float], hiddenGradient: [Float]
            if gates == 4 {
                let found = c.lstm(kernels)
                (hidden, gradient, hiddenGradient) = (found.hidden, found.gradient, found.gradient)
            } else {
                let found = c.gru(kernels)
                (hidden, gradient, hiddenGradient) = (found.hidden, found.gradient, found.hiddenGradient)
            }
            var shape = c.shape
            let weights = Buffer(c.weights.count)
            kernels.recurrent_weight_gradient(
                &shape, c.gateCount, hiddenGradient, hidden, [0, 1], 1, weights.pointer, c.scratch().pointer)
            let x = c.x.map(Double.init), w = c.weights.map(Double.init)
            let step = 1e-5
            func compare(_ found: [Float], _ value: (Int, Double) -> Double) {
                for index in found.indices {
                    let expected = (value(index, step) - value(index, -step)) / (2 * step)
                    #expect(
                        abs(Double(found[index]) - expected) < 1e-5 * (1 + abs(expected)),
                        "[\(index)] seed \(random.seed)")
                }
            }
            compare(gradient) { index, difference in
                var moved = x
                moved[index] += difference
                return RecurrenceGradientTests.value(c, x: moved, weights: w)
            }
            compare(weights.values) { index, difference in
                var moved = w
                moved[index] += difference
                return RecurrenceGradientTests.value(c, x: x, weights: moved)
            }
        }
    }
}
