internal import LockstepCore

extension Plan {
    /// Version of the arithmetic and of the order of sums (`docs/arithmetic.md`).
    package static let arithmeticVersion = 2

    /// Traces `model` twice, for training and for inference, differentiates it and lays it out.
    ///
    /// - Parameters:
    ///   - names: the model's parameters and layers.
    ///   - inputShape: the shape of one sample; images are height × width × channels.
    ///   - isFused: operations are merged where that saves memory traffic; changes no bit.
    /// - Throws: `CommandError.usage` where shapes do not fit, or a parameter takes no part.
    package static func compile(
        names: ModelNames, inputShape: [Int], loss: LossKind, optimizer: OptimizerKind, isFused: Bool = true,
        model: (Tensor) -> Tensor
    ) throws -> Plan {
        var (training, outputShape) = try trace(.training, names, inputShape, loss, model)
        var (inference, _) = try trace(.inference, names, inputShape, loss, model)
        // The graph of inference would not show what only training does.
        let description = describe(training)
        let layers = LayerRow.table(training)

        try check(names: names, training)
        let order = Array(training.parametersInOrderOfUse.reversed())
        let layout = FlatLayout(order.map { training.parameters[$0] })
        let tokenLimit = training.tokenLimit
        training.differentiate()
        if isFused {
            training.fuse()
            inference.fuse()
        }

        let inferenceLowering = Lowering(
            inference, layout: layout, entryOf: positions(inference, in: layout), packings: [], packedFloats: 0)
        let trainingLowering = Lowering(
            training, layout: layout, entryOf: positions(training, in: layout),
            packings: inferenceLowering.packings, packedFloats: inferenceLowering.packedFloats)

        return Plan(
            inputShape: inputShape, outputShape: outputShape, tokenLimit: tokenLimit, loss: loss,
            optimizer: optimizer, layout: layout, training: trainingLowering.list, inference: inferenceLowering.list,
            packings: trainingLowering.packings,
            packedFloats: trainingLowering.packedFloats, inferencePackings: inferenceLowering.packings.count,
            gradientOrder: gradientOrder(trainingLowering.list, layout),
            runningStatistics: runningStatistics(trainingLowering.list), modelDescription: description,
            layerTable: layers,
            digest: digest(
                description, layout, trainingLowering.list, inferenceLowering.list, trainingLowering.packings, optimizer
            ))
    }

    private static func trace(
        _ mode: Tracer.Mode, _ names: ModelNames, _ inputShape: [Int], _ loss: LossKind, _ model: (Tensor) -> Tensor
    ) throws -> (Graph, outputShape: [Int]) {
        let tracer = Tracer(mode: mode, names: names)
        let outputShape = tracer.finish(model(tracer.input(shape: inputShape)), loss: loss)
        if let error = tracer.error { throw error }
        var graph = tracer.graph
        graph.dropDeadNodes()
        return (graph, outputShape)
    }

    private static func check(names: ModelNames, _ graph: Graph) throws {
        let used = graph.parametersInOrderOfUse.map { graph.parameters[$0].name }
        guard !used.isEmpty else {
            throw CommandError.usage("model: it has no parameters, so there is nothing to train; add a linear layer")
        }
        let known = Set(used)
        if let unused = names.parameters.first(where: { !known.contains($0) }) {
            throw CommandError.usage(
                "model: '\(unused.escapedForDisplay())' takes no part in the result; use its layer or remove it")
        }
    }

    /// The entry of each of the graph's parameters; −1 for those of a dropped branch, for which nothing asks.
    private static func positions(_ graph: Graph, in layout: FlatLayout) -> [Int] {
        graph.parameters.map { parameter in layout.entries.firstIndex { $0.name == parameter.name } ?? -1 }
    }

    private static func gradientOrder(_ list: InstructionList, _ layout: FlatLayout) -> [Int] {
        list.instructions.filter(\.code.isParameterGradient).flatMap { [$0.bias, $0.weight] }
            .filter { $0.start >= 0 && $0.isLastContribution }
            .compactMap { slot in layout.entries.firstIndex { $0.range.lowerBound == slot.start } }
    }

    /// In flat order.
    private static func runningStatistics(_ list: InstructionList) -> [RunningStatistic] {
        list.instructions.filter { $0.code == .batchNormStatistics }.flatMap { instruction in
            [instruction.weight, instruction.bias].map {
                RunningStatistic(
                    range: $0.start..<$0.start + $0.count, momentum: instruction.secondSetting,
                    positions: instruction.positions)
            }
        }.sorted { $0.range.lowerBound < $1.range.lowerBound }
    }

    private static func describe(_ graph: Graph) -> String {
        var lines: [String] = []
        // Values are numbered afresh, so that a dropped branch leaves no trace.
        var numbers = [Int](repeating: -1, count: graph.values.count)
        for (number, node) in graph.nodes.enumerated() {
            for result in node.results { numbers[result] = number }
            let inputs = node.inputs.map { "%\(numbers[$0])" }
            let parameters = node.parameters.map { "\(graph.parameters[$0].name)\(graph.parameters[$0].shape)" }
            let shape = node.results.first.map { graph.values[$0].shape } ?? []
            lines.append(
                "%\(number) = \(node.operation.text)(\((inputs + parameters).joined(separator: ", "))) \(shape)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func digest(
        _ description: String, _ layout: FlatLayout, _ training: InstructionList, _ inference: InstructionList,
        _ packings: [Packing], _ optimizer: OptimizerKind
    ) -> Digest {
        var builder = DigestBuilder()
        builder.update("lockstep plan")
        builder.update(UInt32(arithmeticVersion))
        builder.update("lanes by the tree that splits at the largest power of two below the count")
        builder.update(description)
        builder.update(optimizer.rawValue)
        builder.update(UInt64(layout.count))
        for entry in layout.entries {
            builder.update(entry.name)
            builder.update(numbers: entry.shape + [entry.range.lowerBound, entry.range.upperBound, entry.fanIn])
            builder.update("\(entry.initializer)")
            if entry.isBuffer { builder.update("buffer") }
        }
        for list in [training, inference] {
            builder.update(
                numbers: [
                    list.forwardCount, list.floatsPerSample, list.floatsPerLane, list.sharedFloatsPerLane,
                    list.instructions.count,
                ])
            for instruction in list.instructions { builder.update(numbers: instruction.fields) }
        }
        for packing in packings {
            builder.update(numbers: [Int(packing.form.rawValue), packing.parameter, packing.packed])
        }
        return builder.finalize()
    }
}

extension DigestBuilder {
    fileprivate mutating func update(numbers: [Int]) {
        update(UInt32(numbers.count))
        for number in numbers { update(Int64(number)) }
    }
}
