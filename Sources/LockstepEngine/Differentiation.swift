/// Reverse-mode differentiation: walks a graph backwards and appends to it what computes the gradients.
extension Graph {
    /// Appends the backward operations of the loss, which is the last node.
    ///
    /// Where several operations read one value, the gradients they send back are added from the last reader to the
    /// first.
    mutating func differentiate() {
        let forward = nodes
        let needed = dependsOnParameters
        var gradients = [Int?](repeating: nil, count: values.count)
        for node in forward.reversed() {
            guard node.operation.isLoss || gradients[node.results[0]] != nil else { continue }
            let first = nodes.count
            let wanted = node.inputs.map { needed[$0] }
            let contributions = derivative(of: node, gradient: gradients[node.results[0]] ?? -1, wanted: wanted)
            for (input, contribution) in zip(node.inputs, contributions) {
                guard needed[input], let contribution else { continue }
                if let sum = gradients[input] {
                    gradients[input] = append(.add, [sum, contribution], like: input)
                } else {
                    gradients[input] = contribution
                }
            }
            for index in first..<nodes.count { nodes[index].layer = node.layer }
        }
    }

    /// By value: whether parameters have a part in it.
    var dependsOnParameters: [Bool] {
        var depends = [Bool](repeating: false, count: values.count)
        for node in nodes where !node.parameters.isEmpty || node.inputs.contains(where: { depends[$0] }) {
            for result in node.results { depends[result] = true }
        }
        return depends
    }

    /// Appends one backward operation with one result.
    mutating func append(
        _ operation: Operation, _ inputs: [Int], _ parameters: [Int] = [], like value: Int
    ) -> Int {
        append(operation, inputs: inputs, parameters: parameters, results: [Value(shape: values[value].shape)])[0]
    }

    /// Appends what makes the gradients of parameters.
    mutating func appendGradient(_ operation: Operation, _ inputs: [Int], of parameters: [Int]) {
        _ = append(operation, inputs: inputs, parameters: parameters, results: [])
    }
}
