import Foundation
import LockstepCore

@testable import LockstepEngine

// Recurrent layers and attention: how the engine is told, and the same in double precision.
extension TestNet {
    static func parameters(_ cell: Cell, _ units: Int) -> KeyValuePairs<String, Parameter> {
        let gates = cell.gates * units
        return [
            "weight_ih": Parameter([gates, nil]), "weight_hh": Parameter([gates, units]),
            "bias_ih": Parameter([gates]), "bias_hh": Parameter([gates]),
        ]
    }

    static func recurrence(
        _ x: Tensor, _ cell: Cell, reverse: Bool, _ own: [String: Parameter]
    ) -> Tensor {
        guard let inputWeight = own["weight_ih"], let hiddenWeight = own["weight_hh"],
            let inputBias = own["bias_ih"], let hiddenBias = own["bias_hh"]
        else { return x }
        let layer = cell == .lstm ? x.tracer.lstm : x.tracer.gru
        return layer(x, inputWeight, hiddenWeight, inputBias, hiddenBias, reverse, nil)
    }

    /// The hidden states of one sample.
    func recurrence(
        _ x: [[Double]], _ cell: Cell, reverse: Bool, _ name: String,
        _ parameters: [String: [Double]]
    ) -> [Double] {
        func part(_ suffix: String, _ values: [Double], _ gate: Int) -> Double {
            let weight = parameters["\(name).weight_\(suffix)"] ?? [], bias = parameters["\(name).bias_\(suffix)"] ?? []
            return values.indices.reduce(bias[gate]) { $0 + weight[gate * values.count + $1] * values[$1] }
        }
        func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
        let units = (parameters["\(name).bias_hh"] ?? []).count / cell.gates
        var hidden = [Double](repeating: 0, count: units), cells = hidden
        var all = x.map { _ in hidden }
        for step in reverse ? Array(x.indices.reversed()) : Array(x.indices) {
            let before = hidden
            for u in 0..<units {
                func gate(_ index: Int) -> Double {
                    part("ih", x[step], index * units + u) + part("hh", before, index * units + u)
                }
                if cell == .lstm {
                    cells[u] = sigmoid(gate(1)) * cells[u] + sigmoid(gate(0)) * tanh(gate(2))
                    hidden[u] = sigmoid(gate(3)) * tanh(cells[u])
                } else {
                    let new = part("ih", x[step], 2 * units + u)
                    let own = part("hh", before, 2 * units + u)
                    let update = sigmoid(gate(1))
                    hidden[u] = (1 - update) * tanh(new + sigmoid(gate(0)) * own) + update * before[u]
                }
            }
            all[step] = hidden
        }
        return all.flatMap { $0 }
    }

    /// Attention of one sample's rows of queries, keys and values.
    ///
    /// - Parameter drop: drops from all probabilities of a sample, whose rows are a multiple of 4 long.
    func attention(
        _ x: [[Double]], _ heads: Int, causal: Bool, drop: ([Double]) -> [Double]
    ) -> [Double] {
        let model = x[0].count / 3, width = model / heads, padded = (x.count + 3) / 4 * 4
        var probabilities = [Double](repeating: 0, count: heads * x.count * padded)
        for head in 0..<heads {
            for query in x.indices {
                let powers = (0..<(causal ? query + 1 : x.count)).map { key in
                    let score = (head * width..<(head + 1) * width).reduce(0.0) {
                        $0 + x[query][$1] * x[key][model + $1]
                    }
                    return exp(score / Double(width).squareRoot())
                }
                let sum = powers.reduce(0, +)
                for key in powers.indices {
                    probabilities[(head * x.count + query) * padded + key] = powers[key] / sum
                }
            }
        }
        probabilities = drop(probabilities)
        return x.indices.flatMap { query in
            (0..<model).map { element in
                x.indices.reduce(0.0) {
                    $0 + probabilities[(element / width * x.count + query) * padded + $1] * x[$1][2 * model + element]
                }
            }
        }
    }
}
