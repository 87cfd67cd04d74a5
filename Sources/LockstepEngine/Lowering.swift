internal import CLockstepKernels

/// Turns a graph into instructions.
struct Lowering {
    private let graph: Graph
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
        for node in graph.nodes {
            if let instruction = lower(node) { list.instructions.append(instruction) }
            if node.operation.isLoss { list.forwardCount = list.instructions.count }
        }
        shareGradients()
    }

    private mutating func lower(_ node: Graph.Node) -> Instruction? {
        switch node.operation {
        case .input, .reshape: return nil
        case .linear(let relu): return linear(node, relu: relu)
        case .linearDataGradient: return linearDataGradient(node)
        case .linearWeightGradient: return parameterGradient(.linearWeightGradient, node)
        case .linearBiasGradient: return parameterGradient(.linearBiasGradient, node)
        case .convolution2D(let relu, let window): return convolution(node, relu: relu, window)
        case .convolution2DDataGradient(let window): return convolutionDataGradient(node, window)
        case .convolution2DWeightGradient(let window):
            return parameterGradient(.convolutionWeightGradient, node, window)
        case .convolution2DBiasGradient: return parameterGradient(.convolutionBiasGradient, node)
        case .maxPool2D(let window):
            var instruction = withOperands(pool(.maxPool, window, over: node.inputs[0]), node)
            instruction.extra = places[node.results[1]]
            return instruction
        case .maxPool2DGradient(let window):
            return withOperands(pool(.maxPoolGradient, window, over: node.results[0]), node)
        case .averagePool2D(let window):
            return withOperands(pool(.averagePool, window, over: node.inputs[0]), node)
        case .averagePool2DGradient(let window):
            return withOperands(pool(.averagePoolGradient, window, over: node.results[0]), node)
        case .activation(let activation): return withOperands(elementwise(.activation, activation), node)
        case .activationGradient(let activation):
            return withOperands(elementwise(.activationGradient, activation), node)
        case .softmax: return withOperands(Instruction(code: .softmax), node)
        case .softmaxGradient: return withOperands(Instruction(code: .softmaxGradient), node)
        case .dropout(let dropping): return withOperands(dropout(dropping), node)
        case .relu: return withOperands(Instruction(code: .relu), node)
        case .reluGradient: return withOperands(Instruction(code: .reluGradient), node)
        case .add: return withOperands(Instruction(code: .add), node)
        case .channelsFirst: return withOperands(image(.channelsFirst, shape(node.inputs[0])), node)
        case .channelsLast: return withOperands(image(.channelsLast, shape(node.results[0])), node)
        case .loss(let kind): return loss(kind, node)
        }
    }

    // MARK: Operations without parameters

    private func pool(_ code: Instruction.Code, _ window: Operation.Window, over image: Int) -> Instruction {
        var instruction = self.image(code, shape(image))
        setWindow(&instruction, window)
        return instruction
    }

    private func elementwise(_ code: Instruction.Code, _ activation: Activation) -> Instruction {
        var instruction = Instruction(code: code)
        instruction.kind = UInt32(activation.kind.code.rawValue)
        instruction.setting = activation.parameter
        return instruction
    }

    private func dropout(_ dropping: Operation.Dropping) -> Instruction {
        var instruction = Instruction(code: .dropout)
        instruction.site = FlatState.site(of: dropping.site)
        instruction.threshold = UInt32((dropping.probability * 0x1p24).rounded())
        instruction.setting = Float(1 / (1 - dropping.probability))
        return instruction
    }

    private func loss(_ kind: LossKind, _ node: Graph.Node) -> Instruction {
        var instruction: Instruction
        if let elementwise = kind.elementwise {
            instruction = Instruction(code: .elementwiseLoss)
            instruction.kind = UInt32(elementwise.kind.rawValue)
            instruction.setting = elementwise.parameter
        } else if case .smoothedSoftmaxCrossEntropy(let smoothing, _) = kind {
            instruction = Instruction(code: .smoothedSoftmaxCrossEntropy)
            instruction.setting = smoothing
        } else {
            instruction = Instruction(code: .softmaxCrossEntropy)
        }
        instruction.first = places[node.inputs[0]]
        instruction.elements = graph.values[node.inputs[0]].elements
        instruction.extra = places[node.results[0]]
        if kind.tellsCorrect { instruction.correct = places[node.results[1]] }
        if node.results.count > kind.gradientResult { instruction.result = places[node.results[kind.gradientResult]] }
        return instruction
    }

    // MARK: Operations with parameters

    private mutating func linear(_ node: Graph.Node, relu: Bool) -> Instruction {
        var instruction = withOperands(Instruction(code: .linear), node)
        instruction.relu = relu
        setParameters(&instruction, node)
        (instruction.inputs, instruction.outputs) = (shape(node.inputs[0])[0], shape(node.results[0])[0])
        instruction.packed = pack(.linear, instruction)
        return instruction
    }

    private mutating func linearDataGradient(_ node: Graph.Node) -> Instruction {
        var instruction = withOperands(Instruction(code: .linearDataGradient), node)
        setParameters(&instruction, node)
        (instruction.inputs, instruction.outputs) = (shape(node.results[0])[0], shape(node.inputs[0])[0])
        instruction.packed = pack(.linearTransposed, instruction)
        return instruction
    }

    private mutating func convolution(_ node: Graph.Node, relu: Bool, _ window: Operation.Window) -> Instruction {
        var instruction = withOperands(image(.convolution, shape(node.inputs[0])), node)
        instruction.relu = relu
        setParameters(&instruction, node)
        setKernel(&instruction, node, window)
        instruction.packed = pack(.convolution, instruction)
        needScratch(of: instruction)
        return instruction
    }

    private mutating func convolutionDataGradient(_ node: Graph.Node, _ window: Operation.Window) -> Instruction {
        var instruction = withOperands(image(.convolutionDataGradient, shape(node.results[0])), node)
        setParameters(&instruction, node)
        setKernel(&instruction, node, window)
        instruction.packed = pack(.convolutionFlipped, instruction)
        needScratch(of: instruction)
        return instruction
    }

    private mutating func parameterGradient(
        _ code: Instruction.Code, _ node: Graph.Node, _ window: Operation.Window? = nil
    ) -> Instruction {
        var instruction = Instruction(code: code)
        setParameters(&instruction, node)
        let dy = node.inputs[node.inputs.count - 1]
        instruction.first = places[node.inputs[0]]
        instruction.second = places[dy]
        switch code {
        case .linearWeightGradient:
            (instruction.inputs, instruction.outputs) = (shape(node.inputs[0])[0], shape(dy)[0])
            list.scratchFloats = max(
                list.scratchFloats, ls_weight_gradient_scratch_count(instruction.outputs, instruction.inputs))
        case .linearBiasGradient:
            instruction.outputs = shape(dy)[0]
        case .convolutionWeightGradient:
            let input = shape(node.inputs[0])
            (instruction.height, instruction.width, instruction.channels) = (input[0], input[1], input[2])
            if let window { setKernel(&instruction, node, window) }
            needScratch(of: instruction)
        default:
            // A bias sees a convolution's result only: as a kernel of one element over an image of that size.
            let output = shape(dy)
            (instruction.height, instruction.width, instruction.channels) = (output[0], output[1], 1)
            (instruction.kernelHeight, instruction.kernelWidth, instruction.outputs) = (1, 1, output[2])
            instruction.stride = 1
        }
        return instruction
    }

    private func setParameters(_ instruction: inout Instruction, _ node: Graph.Node) {
        let entry = layout.entries[entryOf[node.parameters[0]]]
        instruction.parameter = entry.range.lowerBound
        instruction.parameterCount = entry.range.count
        if node.parameters.count > 1 {
            instruction.bias = layout.entries[entryOf[node.parameters[1]]].range.lowerBound
        }
    }

    private func setKernel(_ instruction: inout Instruction, _ node: Graph.Node, _ window: Operation.Window) {
        instruction.outputs = graph.parameters[node.parameters[0]].shape[0]
        setWindow(&instruction, window)
    }

    private func setWindow(_ instruction: inout Instruction, _ window: Operation.Window) {
        (instruction.kernelHeight, instruction.kernelWidth) = (window.height, window.width)
        (instruction.stride, instruction.padding) = (window.stride, window.padding)
    }

    private mutating func needScratch(of instruction: Instruction) {
        var shape = instruction.convolution
        list.scratchFloats = max(list.scratchFloats, ls_convolution_scratch_count(&shape))
    }

    private mutating func pack(_ form: Packing.Form, _ instruction: Instruction) -> Int {
        if let known = packings.first(where: { $0.form == form && $0.matches(instruction) }) { return known.packed }
        let packing = Packing(
            form: form, parameter: instruction.parameter, packed: packedFloats, instruction: instruction)
        packings.append(packing)
        packedFloats += FlatLayout.aligned(packing.count)
        return packing.packed
    }

    // MARK: Operands

    private func shape(_ value: Int) -> [Int] { graph.values[value].shape }

    private func image(_ code: Instruction.Code, _ shape: [Int]) -> Instruction {
        var instruction = Instruction(code: code)
        (instruction.height, instruction.width, instruction.channels) = (shape[0], shape[1], shape[2])
        return instruction
    }

    private func withOperands(_ instruction: Instruction, _ node: Graph.Node) -> Instruction {
        var instruction = instruction
        instruction.first = places[node.inputs[0]]
        if node.inputs.count > 1 { instruction.second = places[node.inputs[1]] }
        instruction.result = places[node.results[0]]
        instruction.elements = graph.values[node.results[0]].elements
        return instruction
    }

    /// A parameter with several contributions has them added lane by lane before the tree sees them; otherwise its
    /// bits would depend on which lanes are computed together.
    private mutating func shareGradients() {
        for entry in layout.entries {
            let contributions = list.instructions.indices.filter {
                list.instructions[$0].code.isParameterGradient
                    && list.instructions[$0].parameter == entry.range.lowerBound
            }
            guard contributions.count > 1 else { continue }
            for (position, index) in contributions.enumerated() {
                list.instructions[index].shared = list.sharedFloatsPerLane
                list.instructions[index].isFirstContribution = position == 0
                list.instructions[index].isLastContribution = position == contributions.count - 1
            }
            list.sharedFloatsPerLane += FlatLayout.aligned(entry.range.count)
        }
    }
}

extension Packing {
    fileprivate func matches(_ other: Instruction) -> Bool {
        parameter == other.parameter && instruction.inputs == other.inputs && instruction.outputs == other.outputs
            && instruction.height == other.height && instruction.width == other.width
            && instruction.channels == other.channels && instruction.stride == other.stride
            && instruction.padding == other.padding
    }
}
