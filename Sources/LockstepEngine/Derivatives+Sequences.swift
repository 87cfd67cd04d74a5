// Recurrent layers and attention.
extension Graph {
    /// The gradient of the input's part of the gates. An LSTM's gates have one gradient for both parts; a GRU's new gate
    /// takes its hidden part times another.
    mutating func recurrenceGradient(_ node: Node, _ own: Operation.Recurrence, _ dy: Int) -> Int {
        let (hidden, gates, other) = (node.results[0], node.results[1], node.results[2])
        let (weight, bias) = (node.parameters[0], node.parameters[1])
        let gatesGradient = Value(shape: values[gates].shape)
        let gradients: [Int]
        switch own.cell {
        case .lstm:
            gradients = append(
                .recurrenceGradient(own), inputs: [gates, other, dy], parameters: [weight], results: [gatesGradient])
        case .gru:
            gradients = append(
                .recurrenceGradient(own), inputs: [gates, hidden, other, dy], parameters: [weight],
                results: [gatesGradient, gatesGradient])
        }
        let hiddenGradient = gradients[gradients.count - 1]
        appendGradient(.linearBiasGradient, [hiddenGradient], of: [bias])
        appendGradient(.recurrentWeightGradient(own), [hiddenGradient, hidden], of: [weight])
        return gradients[0]
    }

    mutating func attentionGradient(_ node: Node, _ own: Operation.Attention, _ dy: Int) -> Int {
        append(.attentionGradient(own), [node.inputs[0], node.results[1], dy], like: node.inputs[0])
    }
}
