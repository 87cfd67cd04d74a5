internal import CLockstepKernels

extension Lowering {
    /// A linear layer, or its data's gradient: y = x·Wᵀ or dx = dy·W.
    mutating func linear(
        _ code: Instruction.Code, _ node: Graph.Node, _ epilogue: Operation.Epilogue
    ) -> Instruction {
        var instruction = withEpilogue(simple(code, node, inputs: 1), node, epilogue)
        let isForward = code == .linear
        let (x, y) = isForward ? (node.inputs[0], node.results[0]) : (node.results[0], node.inputs[0])
        (instruction.positions, instruction.inputs) = rows(x)
        instruction.outputs = rows(y).width
        instruction.packed = pack(isForward ? .linear : .linearTransposed, instruction)
        return instruction
    }

    /// The gradient of a linear layer's weight (inputs x and dy) or bias (input dy).
    func linearGradient(_ code: Instruction.Code, _ node: Graph.Node) -> Instruction {
        var instruction = simple(code, node)
        instruction.inputs = rows(node.inputs[0]).width
        (instruction.positions, instruction.outputs) = rows(node.inputs[node.inputs.count - 1])
        return instruction
    }

    mutating func convolution(
        _ code: Instruction.Code, _ node: Graph.Node, _ window: Operation.Window,
        _ epilogue: Operation.Epilogue = Operation.Epilogue()
    ) -> Instruction {
        let inputs = code == .convolutionWeightGradient ? 2 : 1
        var instruction = withEpilogue(simple(code, node, inputs: inputs), node, epilogue)
        setExtents(&instruction, shape(code == .convolutionDataGradient ? node.results[0] : node.inputs[0]))
        setWindow(&instruction, window)
        instruction.outputs = graph.parameters[node.parameters[0]].shape[0]
        switch code {
        case .convolution: instruction.packed = pack(.convolution, instruction)
        case .convolutionDataGradient: instruction.packed = pack(.convolutionFlipped, instruction)
        default: break
        }
        return instruction
    }

    /// A bias sees a convolution's result only: as a kernel of one element over an image of that size.
    func convolutionBiasGradient(_ node: Graph.Node) -> Instruction {
        var instruction = simple(.convolutionBiasGradient, node)
        let output = shape(node.inputs[0])
        setExtents(&instruction, [output[0], output[1], 1])
        setWindow(&instruction, Operation.Window(height: 1, width: 1, stride: 1))
        instruction.outputs = output[2]
        return instruction
    }

    func setExtents(_ instruction: inout Instruction, _ shape: [Int]) {
        (instruction.height, instruction.width, instruction.channels) = (shape[0], shape[1], shape[2])
    }

    func setWindow(_ instruction: inout Instruction, _ window: Operation.Window) {
        (instruction.kernelHeight, instruction.kernelWidth) = (window.height, window.width)
        (instruction.stride, instruction.padding) = (window.stride, window.padding)
    }

    /// The instruction with what was fused into its node: the node's last inputs and its last result.
    private func withEpilogue(
        _ instruction: Instruction, _ node: Graph.Node, _ epilogue: Operation.Epilogue
    ) -> Instruction {
        var instruction = instruction
        var inputs = node.inputs
        if epilogue.derivative != nil { instruction.saved = place(inputs.removeLast()) }
        if epilogue.hasResidual { instruction.residual = place(inputs.removeLast()) }
        instruction.function = epilogue.function?.code ?? LS_NO_ACTIVATION
        instruction.derivative = epilogue.derivative?.code ?? LS_NO_ACTIVATION
        instruction.setting = epilogue.function?.parameter ?? epilogue.derivative?.parameter ?? 0
        return instruction
    }
}

extension Operation.Epilogue.Function {
    /// As `ls_epilogue` numbers activations.
    fileprivate var code: UInt32 {
        switch self {
        case .relu: LS_RELU
        case .activation(let activation): ls_epilogue_activation(activation.kind.code)
        }
    }

    fileprivate var parameter: Float {
        if case .activation(let activation) = self { activation.parameter } else { 0 }
    }
}
