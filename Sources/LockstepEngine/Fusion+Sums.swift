extension Graph {
    /// Makes one sum of two over the same gradients: those of an LSTM's two biases. A bias that is used more than once
    /// is left alone, for its contributions are added in their order.
    mutating func mergeBiasGradients() {
        // By value: the node that sums it. Looked up only.
        var sums: [Int: Int] = [:]
        var merged: [Node] = []
        var uses = [Int](repeating: 0, count: parameters.count)
        for node in nodes where node.operation == .linearBiasGradient { uses[node.parameters[0]] += 1 }
        for node in nodes {
            guard node.operation == .linearBiasGradient, uses[node.parameters[0]] == 1 else {
                merged.append(node)
                continue
            }
            if let first = sums[node.inputs[0]], merged[first].parameters.count == 1,
                merged[first].parameters != node.parameters
            {
                merged[first].parameters += node.parameters
            } else {
                sums[node.inputs[0]] = merged.count
                merged.append(node)
            }
        }
        nodes = merged
    }
}
