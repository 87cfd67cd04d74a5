import CLockstepKernels

/// Recurrent layers by the rules of `docs/arithmetic.md`, one number at a time.
struct RecurrenceReference {
    let shape: ls_recurrence
    let functions: ReferenceFunctions
    /// [gates × units], and one for each gate.
    let weights: [Float]
    let bias: [Float]
    /// What a canary bends.
    var rule = Reference.Rule()
    var roundsForgottenPart = false

    var units: Int { shape.units }
    var gateCount: Int { bias.count }
    private var order: [Int] { shape.reverse ? (0..<shape.steps).reversed() : Array(0..<shape.steps) }

    private func sigmoid(_ x: Float) -> Float { functions.sigmoids(x).0 }
    private func slope(ofSigmoid y: Float) -> Float { y * (1 - y) }
    private func slope(ofTanh y: Float) -> Float { Float(1).addingProduct(-y, y) }

    /// h·W_hhᵀ + b_hh; without an h, chains without terms.
    private func hiddenGate(_ gate: Int, _ hidden: [Float]?) -> Float {
        let total = hidden.map { h in
            Reference.chain(units, rule: rule) { (h[$0], weights[gate * units + $0]) }
        }
        return (total ?? 0) + bias[gate]
    }

    /// What comes back to unit `unit` from the gates of the next step.
    private func returned(_ gates: [Float]?, _ unit: Int) -> Float {
        guard let gates else { return 0 }
        return Reference.chain(gateCount, rule: rule) { (gates[$0], weights[$0 * units + unit]) }
    }

    /// - Parameter gates: of one sample: x's part.
    func lstm(_ x: [Float]) -> (gates: [Float], hidden: [Float], cells: [Float]) {
        var gates = x
        var hidden = [Float](repeating: 0, count: shape.steps * units), cells = hidden
        var h: [Float]?, c = [Float](repeating: 0, count: units)
        for step in order {
            let row = step * gateCount
            for gate in 0..<gateCount {
                let a = x[row + gate] + hiddenGate(gate, h)
                gates[row + gate] = gate / units == 2 ? functions.tanh(a) : sigmoid(a)
            }
            for u in 0..<units {
                let (i, f, g) = (gates[row + u], gates[row + units + u], gates[row + 2 * units + u])
                let product = roundsForgottenPart ? f * c[u] : i * g
                c[u] = roundsForgottenPart ? product.addingProduct(i, g) : product.addingProduct(f, c[u])
                cells[step * units + u] = c[u]
                hidden[step * units + u] = gates[row + 3 * units + u] * functions.tanh(c[u])
            }
            h = Array(hidden[step * units..<(step + 1) * units])
        }
        return (gates, hidden, cells)
    }

    func lstmGradient(gates: [Float], cells: [Float], dy: [Float]) -> [Float] {
        var gradient = gates
        var after: [Float]?, carried = [Float](repeating: 0, count: units)
        let order = order
        for index in order.indices.reversed() {
            let step = order[index], row = step * gateCount
            for u in 0..<units {
                let (i, f) = (gates[row + u], gates[row + units + u])
                let (g, o) = (gates[row + 2 * units + u], gates[row + 3 * units + u])
                let t = functions.tanh(cells[step * units + u])
                let old = index > 0 ? cells[order[index - 1] * units + u] : 0
                let dh = dy[step * units + u] + returned(after, u)
                let dc = carried[u].addingProduct(dh * o, slope(ofTanh: t))
                gradient[row + u] = (dc * g) * slope(ofSigmoid: i)
                gradient[row + units + u] = (dc * old) * slope(ofSigmoid: f)
                gradient[row + 2 * units + u] = (dc * i) * slope(ofTanh: g)
                gradient[row + 3 * units + u] = (dh * t) * slope(ofSigmoid: o)
                carried[u] = dc * f
            }
            after = Array(gradient[row..<row + gateCount])
        }
        return gradient
    }

    func gru(_ x: [Float]) -> (gates: [Float], hidden: [Float], hiddenPart: [Float]) {
        var gates = x
        var hidden = [Float](repeating: 0, count: shape.steps * units), kept = hidden
        var h: [Float]?
        for step in order {
            let row = step * gateCount
            for gate in 0..<2 * units { gates[row + gate] = sigmoid(x[row + gate] + hiddenGate(gate, h)) }
            for u in 0..<units {
                let own = hiddenGate(2 * units + u, h)
                let new = functions.tanh(x[row + 2 * units + u].addingProduct(gates[row + u], own))
                gates[row + 2 * units + u] = new
                kept[step * units + u] = own
                hidden[step * units + u] = new.addingProduct(gates[row + units + u], (h?[u] ?? 0) - new)
            }
            h = Array(hidden[step * units..<(step + 1) * units])
        }
        return (gates, hidden, kept)
    }

    func gruGradient(
        gates: [Float], hidden: [Float], hiddenPart: [Float], dy: [Float]
    ) -> (gates: [Float], hiddenGates: [Float]) {
        var gradient = gates, hiddenGradient = gates
        var after: [Float]?, carried = [Float](repeating: 0, count: units)
        let order = order
        for index in order.indices.reversed() {
            let step = order[index], row = step * gateCount
            for u in 0..<units {
                let (r, z, n) = (gates[row + u], gates[row + units + u], gates[row + 2 * units + u])
                let old = index > 0 ? hidden[order[index - 1] * units + u] : 0
                let dh = dy[step * units + u] + (carried[u] + returned(after, u))
                let dn = (dh * (1 - z)) * slope(ofTanh: n)
                gradient[row + u] = (dn * hiddenPart[step * units + u]) * slope(ofSigmoid: r)
                gradient[row + units + u] = (dh * (old - n)) * slope(ofSigmoid: z)
                gradient[row + 2 * units + u] = dn
                hiddenGradient[row + u] = gradient[row + u]
                hiddenGradient[row + units + u] = gradient[row + units + u]
                hiddenGradient[row + 2 * units + u] = dn * r
                carried[u] = dh * z
            }
            after = Array(hiddenGradient[row..<row + gateCount])
        }
        return (gradient, hiddenGradient)
    }

    /// The gradient of W_hh over lanes of samples.
    static func weightGradient(
        _ shape: ls_recurrence, gateCount: Int, gates: [Float], hidden: [Float], starts: [UInt32],
        rule: Reference.Rule = Reference.Rule(), goesOnOverSamples: Bool = false
    ) -> [Float] {
        let (steps, units) = (shape.steps, shape.units)
        return (0..<gateCount * units).map { element in
            let gate = element / units, unit = element % units
            func term(_ sample: Int, _ index: Int) -> (Float, Float) {
                let step = sample * steps + index + (shape.reverse ? 0 : 1)
                return (gates[step * gateCount + gate], hidden[(step + (shape.reverse ? 1 : -1)) * units + unit])
            }
            let lanes = (0..<starts.count - 1).map { lane -> Float in
                let samples = Int(starts[lane])..<Int(starts[lane + 1])
                if goesOnOverSamples {
                    return Reference.chain(samples.count * (steps - 1), rule: rule) {
                        term(samples.lowerBound + $0 / (steps - 1), $0 % (steps - 1))
                    }
                }
                var total: Float?
                for sample in samples {
                    for first in stride(from: 0, through: max(0, steps - 2), by: rule.chunk) {
                        let sum = Reference.chain(min(rule.chunk, steps - 1 - first), rule: rule) {
                            term(sample, first + $0)
                        }
                        total = total.map { $0 + sum } ?? sum
                    }
                }
                return total ?? 0
            }
            return Reference.tree(lanes[...], rule: rule)
        }
    }
}
