extension Tracer {
    /// Each row of the last dimension by its own mean and biased variance.
    ///
    /// - Parameters:
    ///   - weight, bias: one for each element of a row, or neither.
    ///   - epsilon: added to the variance.
    package func layerNorm(
        _ x: Tensor, weight: Parameter?, bias: Parameter?, epsilon: Double, layer: AnyObject?
    ) -> Tensor {
        let kind = "layerNorm"
        guard check(x, layer, kind), isPositive(epsilon, layer, kind) else { return x }
        let shape = [x.shape[x.shape.count - 1]]
        var parameters: [Int] = []
        if let weight, let bias {
            guard let first = number(of: weight, shape: shape, fanIn: 1, layer: layer, kind: kind),
                let second = number(of: bias, shape: shape, fanIn: 1, layer: layer, kind: kind)
            else { return x }
            parameters = [first, second]
        } else if weight != nil || bias != nil {
            return fail(x, layer, kind, "has a weight or a bias alone; give both or neither")
        }
        let statistics = Graph.Value(shape: x.shape.dropLast() + [2])
        return result(
            .layerNorm(epsilon: Float(epsilon)), x, parameters, shape: x.shape, others: [statistics], layer: layer)
    }

    /// Each channel by the mean and biased variance of its lane; in inference by the running statistics.
    ///
    /// - Parameters:
    ///   - weight, bias: one for each channel.
    ///   - mean, variance: the buffers of the running statistics.
    ///   - epsilon: added to the variance.
    ///   - momentum: how far the running statistics go towards those of a batch.
    package func batchNorm(
        _ x: Tensor, weight: Parameter, bias: Parameter, mean: Parameter, variance: Parameter, epsilon: Double,
        momentum: Double, layer: AnyObject?
    ) -> Tensor {
        let kind = "batchNorm"
        guard check(x, layer, kind), isPositive(epsilon, layer, kind) else { return x }
        guard (0...1).contains(momentum) else {
            return fail(x, layer, kind, "momentum is \(momentum); it must be 0 to 1")
        }
        let channels = x.shape[x.shape.count - 1]
        var numbers: [Int] = []
        for parameter in [weight, bias, mean, variance] {
            guard let number = number(of: parameter, shape: [channels], fanIn: 1, layer: layer, kind: kind)
            else { return x }
            numbers.append(number)
        }
        guard !graph.nodes.contains(where: { $0.parameters.contains(numbers[2]) }) else {
            return fail(x, layer, kind, "its running statistics belong to one call; make a layer for each call")
        }
        let own = Operation.BatchNormalization(
            epsilon: Float(epsilon), momentum: Float(momentum), positions: x.shape.dropLast().reduce(1, *))
        guard mode == .training else {
            return result(.batchNormInference(own), x, numbers, shape: x.shape, layer: layer)
        }
        let statistics = Graph.Value(shape: [3, channels], isPerLane: true)
        return result(.batchNorm(own), x, numbers, shape: x.shape, others: [statistics], layer: layer)
    }

    private func isPositive(_ epsilon: Double, _ layer: AnyObject?, _ kind: String) -> Bool {
        guard Float(epsilon) > 0, Float(epsilon).isFinite else {
            fail(layer: layer, kind, "epsilon is \(epsilon); it must be a positive single-precision number")
            return false
        }
        return true
    }
}
