extension Lowering {
    /// A recurrent layer over a sequence: `inputs` is its units, `outputs` its gates. Of the forward pass the gates are in
    /// `extra`, and the cells or a GRU's hidden part in `fourth`.
    mutating func recurrence(_ node: Graph.Node, _ own: Operation.Recurrence) -> Instruction {
        var instruction = simple(own.cell == .lstm ? .lstm : .gru, node)
        set(&instruction, own, gates: node.results[1])
        instruction.fourth = place(node.results[2])
        instruction.packed = pack(.linear, instruction)
        return instruction
    }

    mutating func recurrenceGradient(_ node: Graph.Node, _ own: Operation.Recurrence) -> Instruction {
        var instruction = simple(own.cell == .lstm ? .lstmGradient : .gruGradient, node)
        set(&instruction, own, gates: node.inputs[0])
        instruction.packed = pack(.linearTransposed, instruction)
        return instruction
    }

    func recurrentWeightGradient(_ node: Graph.Node, _ own: Operation.Recurrence) -> Instruction {
        var instruction = simple(.recurrentWeightGradient, node)
        set(&instruction, own, gates: node.inputs[0])
        return instruction
    }

    private func set(_ instruction: inout Instruction, _ own: Operation.Recurrence, gates: Int) {
        (instruction.positions, instruction.outputs) = rows(gates)
        instruction.inputs = instruction.outputs / own.cell.gates
        instruction.kind = own.reverse ? 1 : 0
    }

    /// Attention or its gradient: `channels` is its heads, `width` that of one.
    func attention(_ code: Instruction.Code, _ node: Graph.Node, _ own: Operation.Attention) -> Instruction {
        var instruction = simple(code, node)
        let (positions, columns) = rows(node.inputs[0])
        instruction.positions = positions
        (instruction.channels, instruction.width) = (own.heads, columns / 3 / own.heads)
        instruction.kind = own.causal ? 1 : 0
        if let dropping = own.dropout { setDropout(&instruction, dropping) }
        return instruction
    }
}
