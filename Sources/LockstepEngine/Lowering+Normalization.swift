internal import CLockstepKernels

extension Lowering {
    func layerNorm(
        _ code: Instruction.Code, _ node: Graph.Node, epsilon: Float = 0, hasResidual: Bool = false
    ) -> Instruction {
        var instruction = simple(code, node, inputs: 3)
        (instruction.positions, instruction.inputs) = rows(node.inputs[0])
        instruction.setting = epsilon
        if hasResidual { instruction.residual = place(node.inputs[3]) }
        return instruction
    }

    func batchNorm(
        _ code: Instruction.Code, _ node: Graph.Node, _ own: Operation.BatchNormalization
    ) -> Instruction {
        var instruction = simple(code, node, inputs: code == .batchNormGradient ? 3 : 1)
        (instruction.positions, instruction.channels) = rows(node.inputs[0])
        instruction.setting = own.epsilon
        if code != .batchNormGradient, own.hasResidual { instruction.residual = place(node.inputs[1]) }
        instruction.function = own.relu ? LS_RELU : LS_NO_ACTIVATION
        return instruction
    }

    /// What is made of the lanes' statistics or sums.
    func batchNormSums(
        _ code: Instruction.Code, _ node: Graph.Node, _ own: Operation.BatchNormalization? = nil
    ) -> Instruction {
        var instruction = simple(code, node)
        instruction.channels = instruction.weight.count
        if let own { (instruction.positions, instruction.secondSetting) = (own.positions, own.momentum) }
        return instruction
    }
}
