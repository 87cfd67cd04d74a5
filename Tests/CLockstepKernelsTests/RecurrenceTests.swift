import CLockstepKernels
import Testing

@Suite("Recurrent layers") struct RecurrenceTests {
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
            let c = RecurrenceCase(shape, gates: 4, samples: samples, special: round % 4 == 3 ? 20 : 0, &random)
            let found = c.lstm(kernels)
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
            let c = RecurrenceCase(shape, gates: 3, samples: samples, special: round % 4 == 3 ? 20 : 0, &random)
            let found = c.gru(kernels)
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
        let all = RecurrenceCase(shape, gates: 4, samples: 9, &random)
        let together = all.lstm(kernels)
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
            let c = RecurrenceCase(shape, gates: gates, samples: 1, &random)
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
}
