/// What one operation of a model is and costs.
package struct LayerRow: Sendable, Hashable {
    /// The path of its module; empty where it has none.
    package let name: String
    /// As a job file spells it, `conv2D`.
    package let kind: String
    /// Of one sample.
    package let outputShape: [Int]
    /// Of the trainable parameters that are used here for the first time.
    package let parameterCount: Int
    /// Multiplications and additions of the forward pass, for one sample; 0 where they are few.
    package let flopsPerSample: Int

    /// The operations between the input and the loss.
    static func table(_ graph: Graph) -> [LayerRow] {
        var seen = [Bool](repeating: false, count: graph.parameters.count)
        var rows: [LayerRow] = []
        for node in graph.nodes where node.operation != .input && !node.operation.isLoss {
            var count = 0
            for parameter in node.parameters where !seen[parameter] && !graph.parameters[parameter].isBuffer {
                seen[parameter] = true
                count += graph.parameters[parameter].shape.reduce(1, *)
            }
            let shape = graph.values[node.results[0]].shape
            // Each element of the weight meets each position of the result once.
            let positions = shape.dropLast().reduce(1, *)
            let weight = node.operation.multipliesWeight ? graph.parameters[node.parameters[0]].shape.reduce(1, *) : 0
            rows.append(
                LayerRow(
                    name: node.layer, kind: node.operation.name, outputShape: shape, parameterCount: count,
                    flopsPerSample: 2 * positions * weight))
        }
        return rows
    }
}
