extension Graph {
    /// Makes one sum of two over the same gradients: those of an LSTM's two biases.
    mutating func mergeBiasGradients() {
        // By value: the node that sums it. Looked up only.
        var sums: [Int: Int] = [:]
        var merged: [Node] = []
        for node in nodes {
            guard node.operation == .linearBiasGradient else {
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
