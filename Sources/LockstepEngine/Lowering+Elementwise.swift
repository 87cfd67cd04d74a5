internal import CLockstepKernels

// Operations without parameters, and the loss.
extension Lowering {
    func image(_ code: Instruction.Code, _ node: Graph.Node, _ image: Int) -> Instruction {
        var instruction = simple(code, node)
        setExtents(&instruction, shape(image))
        return instruction
    }

    func pool(
        _ code: Instruction.Code, _ node: Graph.Node, over image: Int, _ window: Operation.Window
    ) -> Instruction {
        var instruction = self.image(code, node, image)
        setWindow(&instruction, window)
        return instruction
    }

    /// Pooling to given extents, which stand where a window's do.
    func adaptivePool(_ code: Instruction.Code, _ node: Graph.Node, image: Int, result: Int) -> Instruction {
        var instruction = self.image(code, node, image)
        (instruction.kernelHeight, instruction.kernelWidth) = (shape(result)[0], shape(result)[1])
        return instruction
    }

    func elementwise(_ code: Instruction.Code, _ node: Graph.Node, _ activation: Activation) -> Instruction {
        var instruction = simple(code, node)
        instruction.kind = UInt32(activation.kind.code.rawValue)
        instruction.setting = activation.parameter
        return instruction
    }

    func dropout(_ node: Graph.Node, _ dropping: Operation.Dropping) -> Instruction {
        var instruction = simple(.dropout, node)
        setDropout(&instruction, dropping)
        return instruction
    }

    func setDropout(_ instruction: inout Instruction, _ dropping: Operation.Dropping) {
        instruction.site = FlatState.site(of: dropping.site)
        instruction.threshold = UInt32((dropping.probability * 0x1p24).rounded())
        instruction.setting = Float(1 / (1 - dropping.probability))
    }

    func scale(_ node: Graph.Node, _ factor: Float, _ offset: Float) -> Instruction {
        var instruction = simple(.scale, node)
        (instruction.setting, instruction.secondSetting) = (factor, offset)
        return instruction
    }

    /// Columns of each row of a wide value to a narrow one, or back.
    func slice(_ code: Instruction.Code, _ node: Graph.Node, _ slicing: Operation.Slicing) -> Instruction {
        var instruction = simple(code, node)
        (instruction.positions, instruction.columns) = (slicing.rows, slicing.columns.count)
        instruction.column = slicing.columns.lowerBound
        let isBack = code == .spreadColumns
        instruction.inputs = isBack ? slicing.columns.count : slicing.width
        instruction.outputs = isBack ? slicing.width : slicing.columns.count
        return instruction
    }

    /// A copy for each input; `column` is where it begins in the result's rows.
    func concatenate(_ node: Graph.Node) -> [Instruction] {
        var column = 0
        return node.inputs.map { input in
            var instruction = simple(.placeColumns, node, inputs: 0)
            instruction.first = place(input)
            (instruction.positions, instruction.columns) = rows(input)
            (instruction.inputs, instruction.outputs) = (instruction.columns, rows(node.results[0]).width)
            instruction.column = column
            column += instruction.columns
            return instruction
        }
    }

    func loss(_ kind: LossKind, _ node: Graph.Node) -> Instruction {
        let outputs = node.inputs[0]
        var instruction = Instruction(code: .softmaxCrossEntropy)
        if let elementwise = kind.elementwise {
            instruction.code = .elementwiseLoss
            instruction.kind = UInt32(elementwise.kind.rawValue)
            instruction.setting = elementwise.parameter
        } else if case .smoothedSoftmaxCrossEntropy(let smoothing, _) = kind {
            instruction.code = .smoothedSoftmaxCrossEntropy
            instruction.setting = smoothing
        } else if shape(outputs).count > 1 {
            instruction.code = .sequenceCrossEntropy
        }
        instruction.first = place(outputs)
        instruction.elements = graph.values[outputs].elements
        (instruction.positions, instruction.outputs) = rows(outputs)
        instruction.extra = place(node.results[0])
        if kind.tellsCorrect { instruction.correct = place(node.results[1]) }
        if node.results.count > kind.gradientResult { instruction.result = place(node.results[kind.gradientResult]) }
        return instruction
    }
}
