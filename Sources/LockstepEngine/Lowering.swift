internal import CLockstepKernels

/// Turns a graph into instructions.
struct Lowering {
    let graph: Graph
    private let layout: FlatLayout
    /// The place in the layout of each of the graph's parameters.
    private let entryOf: [Int]
    private let places: [Place]
    private(set) var list = InstructionList()
    private(set) var packings: [Packing]
    private(set) var packedFloats: Int

    /// - Parameters:
    ///   - packings: what other lists need already; the same weight in the same form is packed once.
    init(_ graph: Graph, layout: FlatLayout, entryOf: [Int], packings: [Packing], packedFloats: Int) {
        self.graph = graph
        self.layout = layout
        self.entryOf = entryOf
        self.packings = packings
        self.packedFloats = packedFloats
        let assignment = ArenaAssignment(graph)
        places = assignment.places
        list.floatsPerSample = assignment.floatsPerSample
        list.floatsPerLane = assignment.floatsPerLane
        for node in graph.nodes {
            for instruction in lower(node) { list.append(instruction, layer: node.layer) }
            if node.operation.isLoss { list.forwardCount = list.instructions.count }
        }
        list.shareGradients(layout)
    }

    /// The table of lowering: the instructions of each operation.
    private mutating func lower(_ node: Graph.Node) -> [Instruction] {
        switch node.operation {
        case .input, .reshape: []
        case .linear(let epilogue): [linear(.linear, node, epilogue)]
        case .linearDataGradient(let epilogue): [linear(.linearDataGradient, node, epilogue)]
        case .linearWeightGradient: [linearGradient(.linearWeightGradient, node)]
        case .linearBiasGradient: [linearGradient(.linearBiasGradient, node)]
        case .convolution2D(let window, let epilogue): [convolution(.convolution, node, window, epilogue)]
        case .convolution2DDataGradient(let window, let epilogue):
            [convolution(.convolutionDataGradient, node, window, epilogue)]
        case .convolution2DWeightGradient(let window): [convolution(.convolutionWeightGradient, node, window)]
        case .convolution2DBiasGradient: [convolutionBiasGradient(node)]
        case .maxPool2D(let window): [pool(.maxPool, node, over: node.inputs[0], window)]
        case .maxPool2DGradient(let window): [pool(.maxPoolGradient, node, over: node.results[0], window)]
        case .averagePool2D(let window): [pool(.averagePool, node, over: node.inputs[0], window)]
        case .averagePool2DGradient(let window): [pool(.averagePoolGradient, node, over: node.results[0], window)]
        case .adaptiveAveragePool2D:
            [adaptivePool(.adaptiveAveragePool, node, image: node.inputs[0], result: node.results[0])]
        case .adaptiveAveragePool2DGradient:
            [adaptivePool(.adaptiveAveragePoolGradient, node, image: node.results[0], result: node.inputs[0])]
        case .activation(let activation): [elementwise(.activation, node, activation)]
        case .activationGradient(let activation): [elementwise(.activationGradient, node, activation)]
        case .softmax: [simple(.softmax, node)]
        case .softmaxGradient: [simple(.softmaxGradient, node)]
        case .dropout(let dropping): [dropout(node, dropping)]
        case .relu: [simple(.relu, node)]
        case .reluGradient: [simple(.reluGradient, node)]
        case .add: [simple(.add, node)]
        case .subtract: [simple(.subtract, node)]
        case .multiply: [simple(.multiply, node)]
        case .scale(let factor, let offset): [scale(node, factor, offset)]
        case .channelsFirst: [image(.channelsFirst, node, node.inputs[0])]
        case .channelsLast: [image(.channelsLast, node, node.results[0])]
        case .slice(let slicing): [slice(.copyColumns, node, slicing)]
        case .sliceGradient(let slicing): [slice(.spreadColumns, node, slicing)]
        case .concatenate: concatenate(node)
        case .embedding(let padding): [embedding(.embedding, node, rowsOf: node.results[0], padding)]
        case .embeddingGradient(let padding): [embedding(.embeddingGradient, node, rowsOf: node.inputs[1], padding)]
        case .addPositions: [simple(.addPositions, node)]
        case .addPositionsGradient: [addPositionsGradient(node)]
        case .layerNorm(let epsilon): [layerNorm(.layerNorm, node, epsilon: epsilon)]
        case .layerNormGradient(let hasResidual): [layerNorm(.layerNormGradient, node, hasResidual: hasResidual)]
        case .layerNormParameterGradient: [layerNorm(.layerNormParameterGradient, node)]
        case .batchNorm(let own): [batchNorm(.batchNorm, node, own)]
        case .batchNormInference(let own): [batchNorm(.batchNormInference, node, own)]
        case .batchNormGradient(let own): [batchNorm(.batchNormGradient, node, own)]
        case .batchNormParameterGradient: [batchNormSums(.batchNormParameterGradient, node)]
        case .batchNormStatistics(let own): [batchNormSums(.batchNormStatistics, node, own)]
        case .recurrence(let own): [recurrence(node, own)]
        case .recurrenceGradient(let own): [recurrenceGradient(node, own)]
        case .recurrentWeightGradient(let own): [recurrentWeightGradient(node, own)]
        case .attention(let own): [attention(.attention, node, own)]
        case .attentionGradient(let own): [attention(.attentionGradient, node, own)]
        case .loss(let kind): [loss(kind, node)]
        }
    }

    // MARK: Operands

    func shape(_ value: Int) -> [Int] { graph.values[value].shape }

    func place(_ value: Int) -> Place { places[value] }

    /// The rows of a value along its last dimension.
    func rows(_ value: Int) -> (count: Int, width: Int) {
        let shape = shape(value)
        return (shape.dropLast().reduce(1, *), shape.last ?? 1)
    }

    /// An instruction with the node's own operands, results and parameters.
    ///
    /// - Parameter inputs: how many inputs are the operation's own; those behind them are left to what fused them.
    func simple(_ code: Instruction.Code, _ node: Graph.Node, inputs: Int? = nil) -> Instruction {
        var instruction = Instruction(code: code)
        let operands = node.inputs.prefix(inputs ?? 4).map(place) + Array(repeating: .none, count: 4)
        (instruction.first, instruction.second) = (operands[0], operands[1])
        (instruction.third, instruction.fourth) = (operands[2], operands[3])
        if let result = node.results.first {
            instruction.result = place(result)
            instruction.elements = graph.values[result].elements
        }
        if node.results.count > 1 { instruction.extra = place(node.results[1]) }
        let slots = node.parameters.map(slot) + Array(repeating: Instruction.Slot(), count: 4)
        (instruction.weight, instruction.bias) = (slots[0], slots[1])
        (instruction.mean, instruction.variance) = (slots[2], slots[3])
        return instruction
    }

    private func slot(_ parameter: Int) -> Instruction.Slot {
        let range = layout.entries[entryOf[parameter]].range
        return Instruction.Slot(start: range.lowerBound, count: range.count)
    }

    /// Where the packed weight of an instruction stands.
    mutating func pack(_ form: Packing.Form, _ instruction: Instruction) -> Int {
        if let known = packings.first(where: { $0.form == form && $0.matches(instruction) }) { return known.packed }
        let packing = Packing(
            form: form, parameter: instruction.weight.start, packed: packedFloats, instruction: instruction)
        packings.append(packing)
        packedFloats += FlatLayout.aligned(packing.count)
        return packing.packed
    }
}

extension Packing {
    fileprivate func matches(_ other: Instruction) -> Bool {
        parameter == other.weight.start && instruction.code == other.code
            && instruction.inputs == other.inputs && instruction.outputs == other.outputs
            && instruction.height == other.height && instruction.width == other.width
            && instruction.channels == other.channels && instruction.stride == other.stride
            && instruction.padding == other.padding
    }
}
