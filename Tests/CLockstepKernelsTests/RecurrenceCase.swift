import CLockstepKernels

/// A layer with its operands.
struct RecurrenceCase {
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

// MARK: What kernels make of it

extension RecurrenceCase {
    struct LSTMResult {
        let gates, hidden, cells, gradient: [Float]
        let guardsAreIntact: Bool
    }

    func lstm(_ kernels: ls_kernels) -> LSTMResult {
        var shape = shape
        let gates = Buffer(x), scratch = scratch(), packed = packed(kernels)
        let hidden = Buffer(dy.count), cells = Buffer(dy.count)
        kernels.lstm(
            &shape, samples, gates.pointer, packed.pointer, bias, hidden.pointer, cells.pointer, scratch.pointer)
        let gradient = Buffer(gates.values), transposed = packedForGradient(kernels)
        kernels.lstm_gradient(
            &shape, samples, gradient.pointer, cells.pointer, transposed.pointer, dy, scratch.pointer)
        return LSTMResult(
            gates: gates.values, hidden: hidden.values, cells: cells.values, gradient: gradient.values,
            guardsAreIntact: guardsAreIntact(gates, scratch, packed, hidden, cells, gradient, transposed))
    }

    struct GRUResult {
        let gates, hidden, hiddenPart, gradient, hiddenGradient: [Float]
        let guardsAreIntact: Bool
    }

    func gru(_ kernels: ls_kernels) -> GRUResult {
        var shape = shape
        let gates = Buffer(x), scratch = scratch(), packed = packed(kernels)
        let hidden = Buffer(dy.count), kept = Buffer(dy.count)
        kernels.gru(
            &shape, samples, gates.pointer, packed.pointer, bias, hidden.pointer, kept.pointer, scratch.pointer)
        let gradient = Buffer(gates.values), hiddenGradient = Buffer(x.count)
        let transposed = packedForGradient(kernels)
        kernels.gru_gradient(
            &shape, samples, gradient.pointer, hidden.pointer, kept.pointer, transposed.pointer, dy,
            hiddenGradient.pointer, scratch.pointer)
        return GRUResult(
            gates: gates.values, hidden: hidden.values, hiddenPart: kept.values, gradient: gradient.values,
            hiddenGradient: hiddenGradient.values,
            guardsAreIntact: guardsAreIntact(gates, scratch, packed, hidden, kept, gradient, hiddenGradient))
    }
}
