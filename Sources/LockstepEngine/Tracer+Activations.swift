extension Tracer {
    package func relu(_ x: Tensor, layer: AnyObject?) -> Tensor {
        guard check(x, layer, "relu") else { return x }
        return result(.relu, x, [], shape: x.shape, layer: layer)
    }

    package func activation(_ x: Tensor, _ activation: Activation, layer: AnyObject?) -> Tensor {
        guard check(x, layer, activation.name) else { return x }
        guard activation.parameter.isFinite else {
            return fail(x, layer, activation.name, "its setting is \(activation.parameter); it must be finite")
        }
        return result(.activation(activation), x, [], shape: x.shape, layer: layer)
    }

    /// Along the only dimension.
    package func softmax(_ x: Tensor, layer: AnyObject?) -> Tensor {
        guard check(x, layer, "softmax") else { return x }
        guard x.shape.count == 1 else {
            return fail(
                x, layer, "softmax", "takes a flat input, but what comes in is \(x.shape); put a flatten before it")
        }
        return result(.softmax, x, [], shape: x.shape, layer: layer)
    }

    /// In training, elements become zero with `probability` and the others are scaled so that the mean stays; in
    /// inference nothing happens.
    package func dropout(_ x: Tensor, probability: Double, layer: AnyObject?) -> Tensor {
        guard check(x, layer, "dropout") else { return x }
        guard probability >= 0, probability < 1, Float(1 / (1 - probability)).isFinite else {
            return fail(
                x, layer, "dropout", "probability is \(probability); it must be at least 0 and below 1")
        }
        let site = dropoutSite(layer)
        guard mode == .training, probability > 0 else { return x }
        return result(
            .dropout(Operation.Dropping(probability: probability, site: site)), x, [], shape: x.shape, layer: layer)
    }
}
