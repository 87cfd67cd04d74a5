import CLockstepKernels
import Foundation
import Testing

@Suite("Recurrent layers") struct RecurrenceTests {
    /// A layer with its operands.
    private struct Case {
        let shape: ls_recurrence
        let samples: Int
        let gateCount: Int
        let weights: [Float]
        let bias: [Float]
        let x: [Float]
        let dy: [Float]

        init(
            _ shape: ls_recurrence, gates: Int, samples: Int, special: Int = 0, _ random: inout TestGenerator
        ) {
            self.shape = shape
            self.samples = samples
            gateCount = gates * shape.units
            weights = random.floats(gateCount * shape.units, special: special * 8).map { $0 * 0.3 }
            bias = random.floats(gateCount, special: special)
            x = random.floats(samples * shape.steps * gateCount, special: special * 4)
            dy = random.floats(samples * shape.steps * shape.units, special: special * 4)
        }

        func reference(_ functions: ReferenceFunctions) -> RecurrenceReference {
            RecurrenceReference(shape: shape, functions: functions, weights: weights, bias: bias)
        }

        func part(_ values: [Float], _ sample: Int) -> [Float] {
            let count = values.count / max(1, samples)
            return Array(values[sample * count..<(sample + 1) * count])
        }

        func packed(_ kernels: ls_kernels) -> Buffer {
            let packed = Buffer(ls_packed_count(shape.units, gateCount))
            kernels.pack(shape.units, gateCount, weights, 1, shape.units, packed.pointer)
            return packed
        }

        func packedForGradient(_ kernels: ls_kernels) -> Buffer {
            let packed = Buffer(ls_packed_count(gateCount, shape.units))
            kernels.pack(gateCount, shape.units, weights, shape.units, 1, packed.pointer)
            return packed
        }

        func scratch() -> Buffer {
            var shape = shape
            return Buffer(ls_recurrence_scratch_count(&shape, gateCount, samples, 1))
        }
    }

    private struct LSTMResult {
        let gates, hidden, cells, gradient: [Float]
        let guardsAreIntact: Bool
    }

    private static func lstm(_ c: Case, _ kernels: ls_kernels) -> LSTMResult {
        var shape = c.shape
        let gates = Buffer(c.x), scratch = c.scratch(), packed = c.packed(kernels)
        let hidden = Buffer(c.dy.count), cells = Buffer(c.dy.count)
        kernels.lstm(
            &shape, c.samples, gates.pointer, packed.pointer, c.bias, hidden.pointer, cells.pointer, scratch.pointer)
        let gradient = Buffer(gates.values), transposed = c.packedForGradient(kernels)
        kernels.lstm_gradient(
            &shape, c.samples, gradient.pointer, cells.pointer, transposed.pointer, c.dy, scratch.pointer)
        return LSTMResult(
            gates: gates.values, hidden: hidden.values, cells: cells.values, gradient: gradient.values,
            guardsAreIntact: guardsAreIntact(gates, scratch, packed, hidden, cells, gradient, transposed))
    }

    private struct GRUResult {
        let gates, hidden, hiddenPart, gradient, hiddenGradient: [Float]
        let guardsAreIntact: Bool
    }

    private static func gru(_ c: Case, _ kernels: ls_kernels) -> GRUResult {
        var shape = c.shape
        let gates = Buffer(c.x), scratch = c.scratch(), packed = c.packed(kernels)
        let hidden = Buffer(c.dy.count), kept = Buffer(c.dy.count)
        kernels.gru(
            &shape, c.samples, gates.pointer, packed.pointer, c.bias, hidden.pointer, kept.pointer, scratch.pointer)
        let gradient = Buffer(gates.values), hiddenGradient = Buffer(c.x.count)
        let transposed = c.packedForGradient(kernels)
        kernels.gru_gradient(
            &shape, c.samples, gradient.pointer, hidden.pointer, kept.pointer, transposed.pointer, c.dy,
            hiddenGradient.pointer, scratch.pointer)
        return GRUResult(
            gates: gates.values, hidden: hidden.values, hiddenPart: kept.values, gradient: gradient.values,
            hiddenGradient: hiddenGradient.values,
            guardsAreIntact: guardsAreIntact(gates, scratch, packed, hidden, kept, gradient, hiddenGradient))
    }

    /// (steps, units, samples) that touch every edge: one step, one unit, whole and broken vectors and panels, several
    /// tiles of rows, chains of more than one chunk.
    private static let sizes = [
        (1, 3, 2), (2, 1, 1), (3, 4, 3), (5, 7, 2), (4, 16, 5), (3, 17, 15), (2, 32, 8), (3, 40, 2), (2, 130, 2),
        (4, 5, 0),
    ]

    @Test("LSTM: every variant gives the reference's bits", arguments: Variants.names)
    func lstm(name: String) throws {
        let kernels = try Variants.table(name), functions = try ReferenceFunctions()
        var random = TestGenerator("lstm, \(name)")
        for (round, (steps, units, samples)) in RecurrenceTests.sizes.enumerated() {
            let shape = ls_recurrence(steps: steps, units: units, reverse: round % 3 == 1)
            let c = Case(shape, gates: 4, samples: samples, special: round % 4 == 3 ? 20 : 0, &random)
            let found = RecurrenceTests.lstm(c, kernels)
            let reference = c.reference(functions)
            let comment = "\(name) \(steps) steps, \(units) units, \(samples) samples, seed \(random.seed)"
            for sample in 0..<samples {
                let expected = reference.lstm(c.part(c.x, sample))
                #expect(firstDifference(expected.gates, c.part(found.gates, sample)) == nil, "\(comment)")
                #expect(firstDifference(expected.hidden, c.part(found.hidden, sample)) == nil, "\(comment)")
                #expect(firstDifference(expected.cells, c.part(found.cells, sample)) == nil, "\(comment)")
                let gradient = reference.lstmGradient(
                    gates: expected.gates, cells: expected.cells, dy: c.part(c.dy, sample))
                #expect(firstDifference(gradient, c.part(found.gradient, sample)) == nil, "\(comment)")
            }
            #expect(found.guardsAreIntact, "\(comment)")
        }
    }

    @Test("GRU: every variant gives the reference's bits", arguments: Variants.names)
    func gru(name: String) throws {
        let kernels = try Variants.table(name), functions = try ReferenceFunctions()
        var random = TestGenerator("gru, \(name)")
        for (round, (steps, units, samples)) in RecurrenceTests.sizes.enumerated() {
            let shape = ls_recurrence(steps: steps, units: units, reverse: round % 3 == 1)
            let c = Case(shape, gates: 3, samples: samples, special: round % 4 == 3 ? 20 : 0, &random)
            let found = RecurrenceTests.gru(c, kernels)
            let reference = c.reference(functions)
            let comment = "\(name) \(steps) steps, \(units) units, \(samples) samples, seed \(random.seed)"
            for sample in 0..<samples {
                let expected = reference.gru(c.part(c.x, sample))
                #expect(firstDifference(expected.gates, c.part(found.gates, sample)) == nil, "\(comment)")
                #expect(firstDifference(expected.hidden, c.part(found.hidden, sample)) == nil, "\(comment)")
                #expect(firstDifference(expected.hiddenPart, c.part(found.hiddenPart, sample)) == nil, "\(comment)")
                let gradient = reference.gruGradient(
                    gates: expected.gates, hidden: expected.hidden, hiddenPart: expected.hiddenPart,
                    dy: c.part(c.dy, sample))
                #expect(firstDifference(gradient.gates, c.part(found.gradient, sample)) == nil, "\(comment)")
                #expect(
                    firstDifference(gradient.hiddenGates, c.part(found.hiddenGradient, sample)) == nil, "\(comment)")
            }
            #expect(found.guardsAreIntact, "\(comment)")
        }
    }

    @Test("samples do not depend on those beside them", arguments: Variants.names)
    func samples(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("recurrence by samples, \(name)")
        let shape = ls_recurrence(steps: 4, units: 19, reverse: false)
        let all = Case(shape, gates: 4, samples: 9, &random)
        let together = RecurrenceTests.lstm(all, kernels)
        var one = [Float]()
        for sample in 0..<9 {
            var shape = shape
            let gates = Buffer(all.part(all.x, sample)), hidden = Buffer(4 * 19), cells = Buffer(4 * 19)
            kernels.lstm(
                &shape, 1, gates.pointer, all.packed(kernels).pointer, all.bias, hidden.pointer, cells.pointer,
                all.scratch().pointer)
            one += hidden.values
        }
        #expect(firstDifference(together.hidden, one) == nil, "seed \(random.seed)")
    }

    @Test("the gradient of W_hh", arguments: Variants.names)
    func weightGradient(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("recurrent weight gradient, \(name)")
        var cases: [(steps: Int, units: Int, gates: Int, starts: [UInt32])] = [
            (515, 2, 3, [0, 1, 3]), (1030, 1, 4, [1, 2]), (2, 70, 4, [0, 1, 1, 3]),
        ]
        for round in 0..<12 {
            let units = random.integer(1...(round % 2 == 0 ? 12 : 40))
            let starts = random.laneStarts(random.integer(1...9), upTo: 3)
            cases.append((random.integer(1...6), units, 3 + round % 2, starts))
        }
        for (round, (steps, units, gates, starts)) in cases.enumerated() {
            var shape = ls_recurrence(steps: steps, units: units, reverse: round % 3 == 2)
            let samples = Int(try #require(starts.last)), gateCount = gates * units
            let special = round % 4 == 1 ? 30 : 0
            let gradients = random.floats(samples * steps * gateCount, special: special)
            let hidden = random.floats(samples * steps * units, special: special)
            let expected = RecurrenceReference.weightGradient(
                shape, gateCount: gateCount, gates: gradients, hidden: hidden, starts: starts)
            let weights = Buffer(expected.count)
            let scratch = Buffer(ls_recurrence_scratch_count(&shape, gateCount, samples, starts.count - 1))
            kernels.recurrent_weight_gradient(
                &shape, gateCount, gradients, hidden, starts, starts.count - 1, weights.pointer, scratch.pointer)
            let comment = "\(name) \(steps) steps, \(units) units, lanes \(starts), seed \(random.seed)"
            #expect(firstDifference(expected, weights.values) == nil, "\(comment)")
            #expect(guardsAreIntact(weights, scratch), "\(comment)")
        }
    }

    @Test("the references notice another order")
    func canaries() throws {
        let functions = try ReferenceFunctions()
        var random = TestGenerator("recurrence canaries", seed: 7)
        let shape = ls_recurrence(steps: 4, units: 24, reverse: false)
        for gates in [3, 4] {
            let c = Case(shape, gates: gates, samples: 1, &random)
            func hidden(_ reference: RecurrenceReference) -> [Float] {
                gates == 4 ? reference.lstm(c.x).hidden : reference.gru(c.x).hidden
            }
            func gradient(_ reference: RecurrenceReference) -> [Float] {
                if gates == 4 {
                    let forward = c.reference(functions).lstm(c.x)
                    return reference.lstmGradient(gates: forward.gates, cells: forward.cells, dy: c.dy)
                }
                let forward = c.reference(functions).gru(c.x)
                return reference.gruGradient(
                    gates: forward.gates, hidden: forward.hidden, hiddenPart: forward.hiddenPart, dy: c.dy
                ).gates
            }
            let right = c.reference(functions)
            var bent = right
            bent.rule.isReversed = true
            #expect(firstDifference(hidden(right), hidden(bent)) != nil)
            #expect(firstDifference(gradient(right), gradient(bent)) != nil)
            bent = right
            bent.rule.chunk = 8
            #expect(firstDifference(hidden(right), hidden(bent)) != nil)
            bent = right
            bent.roundsForgottenPart = true
            if gates == 4 { #expect(firstDifference(hidden(right), hidden(bent)) != nil) }
            let reversed = RecurrenceReference(
                shape: ls_recurrence(steps: 4, units: 24, reverse: true), functions: functions, weights: c.weights,
                bias: c.bias)
            #expect(firstDifference(hidden(right), hidden(reversed)) != nil)
        }
        let gradients = random.floats(7 * 4 * 12), hidden = random.floats(7 * 4)
        let small = ls_recurrence(steps: 4, units: 1, reverse: false)
        func weights(_ rule: Reference.Rule = Reference.Rule(), goesOn: Bool = false, lanes: [UInt32]) -> [Float] {
            RecurrenceReference.weightGradient(
                small, gateCount: 12, gates: gradients, hidden: hidden, starts: lanes, rule: rule,
                goesOnOverSamples: goesOn)
        }
        let lanes: [UInt32] = [0, 1, 2, 3, 4, 5, 6, 7]
        let right = weights(lanes: lanes)
        #expect(firstDifference(right, weights(Reference.Rule(isLinearOverLanes: true), lanes: lanes)) != nil)
        #expect(firstDifference(right, weights(Reference.Rule(chunk: 2), lanes: lanes)) != nil)
        #expect(firstDifference(weights(lanes: [0, 7]), weights(goesOn: true, lanes: [0, 7])) != nil)
    }

    // MARK: Against binary64

    /// Σ dy · h of one sample, in binary64.
    private static func value(_ c: Case, x: [Double], weights: [Double]) -> Double {
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
            let c = Case(
                ls_recurrence(steps: 5, units: 3, reverse: reverse), gates: gates, samples: 1, &random)
            let hidden: [Float], gradient: [Float], hiddenGradient: [Float]
            if gates == 4 {
                let found = RecurrenceTests.lstm(c, kernels)
                (hidden, gradient, hiddenGradient) = (found.hidden, found.gradient, found.gradient)
            } else {
                let found = RecurrenceTests.gru(c, kernels)
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
                return RecurrenceTests.value(c, x: moved, weights: w)
            }
            compare(weights.values) { index, difference in
                var moved = w
                moved[index] += difference
                return RecurrenceTests.value(c, x: x, weights: moved)
            }
        }
    }
}
