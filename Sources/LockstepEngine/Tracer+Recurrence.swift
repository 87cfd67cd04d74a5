extension Tracer {
    /// A long short-term memory over a sequence: [positions, inputs] becomes [positions, units], in PyTorch's form with
    /// the gates i, f, g, o.
    ///
    /// - Parameters:
    ///   - inputWeight: [4 · units, inputs], and `inputBias` [4 · units].
    ///   - hiddenWeight: [4 · units, units], and `hiddenBias` [4 · units].
    ///   - reverse: whether the last position comes first.
    package func lstm(
        _ x: Tensor, inputWeight: Parameter, hiddenWeight: Parameter, inputBias: Parameter, hiddenBias: Parameter,
        reverse: Bool, layer: AnyObject?
    ) -> Tensor {
        recurrence(
            x, Operation.Recurrence(cell: .lstm, reverse: reverse), (inputWeight, inputBias),
            (hiddenWeight, hiddenBias),
            layer: layer)
    }

    /// A gated recurrent unit over a sequence, as `lstm`, with three gates r, z, n.
    package func gru(
        _ x: Tensor, inputWeight: Parameter, hiddenWeight: Parameter, inputBias: Parameter, hiddenBias: Parameter,
        reverse: Bool, layer: AnyObject?
    ) -> Tensor {
        recurrence(
            x, Operation.Recurrence(cell: .gru, reverse: reverse), (inputWeight, inputBias), (hiddenWeight, hiddenBias),
            layer: layer)
    }

    /// The input's part of the gates is a linear layer over all positions at once; the rest goes step by step.
    private func recurrence(
        _ x: Tensor, _ own: Operation.Recurrence, _ input: (weight: Parameter, bias: Parameter),
        _ hidden: (weight: Parameter, bias: Parameter), layer: AnyObject?
    ) -> Tensor {
        let kind = own.cell.name
        guard check(x, layer, kind), isSequence(x, layer, kind),
            check(input.weight, input.bias, rank: 2, layer, kind),
            check(hidden.weight, hidden.bias, rank: 2, layer, kind)
        else { return x }
        let (positions, inputs) = (x.shape[0], x.shape[1])
        guard let units = positive(hidden.weight.extents[1]) else {
            return fail(x, layer, kind, "units is \(text(hidden.weight.extents[1])); it must be at least 1")
        }
        if let expected = input.weight.extents[1], expected != inputs {
            return fail(
                x, layer, kind,
                "takes \(expected) inputs, but what comes in is \(x.shape); write \(inputs) or leave inputs out")
        }
        let (outputs, overflow) = units.multipliedReportingOverflow(by: own.cell.gates)
        guard !overflow, elements(of: [positions, outputs]) != nil else {
            return fail(x, layer, kind, "\(positions) positions of \(units) units are too many")
        }
        guard
            let inputParameters = use(
                input.weight, [outputs, inputs], input.bias, outputs: outputs, fanIn: units, layer: layer, kind: kind),
            let hiddenParameters = use(
                hidden.weight, [outputs, units], hidden.bias, outputs: outputs, fanIn: units, layer: layer, kind: kind)
        else { return x }
        let gates = [positions, outputs], states = [positions, units]
        let inputPart = result(.linear(), x, inputParameters, shape: gates, layer: layer)
        return result(
            .recurrence(own), inputPart, hiddenParameters, shape: states,
            others: [Graph.Value(shape: gates), Graph.Value(shape: states)], layer: layer)
    }
}
