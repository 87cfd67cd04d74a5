extension Lowering {
    /// - Parameter value: what has a row of the table for each token.
    func embedding(_ code: Instruction.Code, _ node: Graph.Node, rowsOf value: Int, _ padding: Int?) -> Instruction {
        var instruction = simple(code, node)
        (instruction.positions, instruction.outputs) = rows(value)
        instruction.inputs = instruction.weight.count / instruction.outputs
        instruction.paddingToken = padding ?? -1
        return instruction
    }

    /// The sum of a whole sample's gradients over samples: that of a bias of so many columns.
    func addPositionsGradient(_ node: Graph.Node) -> Instruction {
        var instruction = simple(.linearBiasGradient, node)
        instruction.outputs = graph.values[node.inputs[0]].elements
        return instruction
    }
}
