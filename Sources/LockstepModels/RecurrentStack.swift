internal import LockstepEngine

/// What LSTM and GRU have in common: layers of one or two directions, with PyTorch's names and initial values, all
/// uniform in ±1/√units.
struct RecurrentStack: Sendable {
    /// One direction of one layer.
    struct Cell: Sendable {
        /// [gates · units, inputs].
        let inputWeight: Parameter
        /// [gates · units, units].
        let hiddenWeight: Parameter
        /// [gates · units].
        let inputBias: Parameter
        /// [gates · units].
        let hiddenBias: Parameter
        let isReverse: Bool
    }

    let kind: String
    let inputs: Int?
    let units: Int
    let layerCount: Int
    let isBidirectional: Bool
    let dropout: Double
    /// The cells of each layer, the forward one first.
    let layers: [[Cell]]

    /// - Parameters:
    ///   - kind: as a job file spells it.
    ///   - gates: 4 of an LSTM, 3 of a GRU.
    init(
        _ kind: String, gates: Int, inputs: Int?, units: Int, layers: Int, bidirectional: Bool, dropout: Double
    ) {
        self.kind = kind
        self.inputs = inputs
        self.units = units
        layerCount = layers
        isBidirectional = bidirectional
        self.dropout = dropout
        // What no network can have is refused when the model is traced; nothing may overflow before.
        let usable = RecurrentStack.limit.contains(units) && RecurrentStack.layerLimit.contains(layers)
        let initializer = Initializer.uniform(bound: usable ? 1 / Double(units).squareRoot() : 1)
        let rows = usable ? gates * units : 0
        self.layers = (0..<(usable ? layers : 0)).map { layer in
            let width = layer == 0 ? inputs : bidirectional ? 2 * units : units
            return (bidirectional ? [false, true] : [false]).map { isReverse in
                Cell(
                    inputWeight: Parameter([rows, width], initializer: initializer),
                    hiddenWeight: Parameter([rows, units], initializer: initializer),
                    inputBias: Parameter([rows], initializer: initializer),
                    hiddenBias: Parameter([rows], initializer: initializer), isReverse: isReverse)
            }
        }
    }

    /// - Parameter step: what a cell makes of a sequence.
    func apply(to input: Tensor, layer: AnyObject, _ step: (Tensor, Cell) -> Tensor) -> Tensor {
        let tracer = input.tracer
        guard RecurrentStack.limit.contains(units) else {
            return tracer.fail(
                input, layer, kind, "units is \(units); it must be 1 to \(RecurrentStack.limit.upperBound)")
        }
        guard RecurrentStack.layerLimit.contains(layerCount) else {
            return tracer.fail(
                input, layer, kind, "layers is \(layerCount); it must be 1 to \(RecurrentStack.layerLimit.upperBound)")
        }
        var x = input
        for (number, cells) in layers.enumerated() {
            let directions = cells.map { step(x, $0) }
            x = directions.count == 1 ? directions[0] : tracer.concatenate(directions, layer: layer)
            if number < layers.count - 1 { x = tracer.dropout(x, probability: dropout, layer: layer) }
        }
        return x
    }

    /// PyTorch's names and order: `weight_ih_l0`, …, `bias_hh_l1_reverse`.
    var namedParameters: [(name: String, parameter: Parameter)] {
        layers.enumerated().flatMap { number, cells in
            cells.flatMap { cell in
                let ending = "_l\(number)" + (cell.isReverse ? "_reverse" : "")
                return [
                    ("weight_ih" + ending, cell.inputWeight), ("weight_hh" + ending, cell.hiddenWeight),
                    ("bias_ih" + ending, cell.inputBias), ("bias_hh" + ending, cell.hiddenBias),
                ]
            }
        }
    }

    var text: String {
        LockstepModels.text(
            kind, ("inputs", inputs), ("units", units), ("layers", layerCount == 1 ? nil : layerCount),
            ("bidirectional", isBidirectional ? "true" : nil), ("dropout", dropout == 0 ? nil : dropout))
    }

    private static let limit = 1...1 << 16
    private static let layerLimit = 1...256
}
