extension Tracer {
    /// The rows of a table that the tokens of a sequence name: [positions] becomes [positions, elements].
    ///
    /// - Parameters:
    ///   - weight: [count, elements].
    ///   - paddingToken: the token whose row stays as it is.
    package func embedding(_ x: Tensor, weight: Parameter, paddingToken: Int?, layer: AnyObject?) -> Tensor {
        let kind = "embedding"
        guard check(x, layer, kind), check(weight, nil, rank: 2, layer, kind) else { return x }
        guard x.shape.count == 1 else {
            return fail(x, layer, kind, "takes a sequence of tokens, but what comes in is \(x.shape)")
        }
        guard !graph.dependsOnParameters[x.value] else {
            return fail(
                x, layer, kind,
                "takes tokens, but what comes in is made of parameters, which nothing could teach; put it before them")
        }
        // All tokens below 2²⁴ are exact as floats.
        guard let count = positive(weight.extents[0]), count <= 1 << 24, let width = positive(weight.extents[1]) else {
            return fail(
                x, layer, kind,
                "its table is \(text(weight.extents[0])) × \(text(weight.extents[1])); "
                    + "it must be 1 to \(1 << 24) tokens × at least 1 element")
        }
        guard paddingToken.map((0..<count).contains) ?? true else {
            return fail(
                x, layer, kind, "paddingToken is \(paddingToken ?? -1); it must be 0 to \(count - 1), a token")
        }
        let shape = [x.shape[0], width]
        guard elements(of: shape) != nil else {
            return fail(x, layer, kind, "its result of shape \(shape) has too many elements")
        }
        guard let table = number(of: weight, shape: [count, width], fanIn: width, layer: layer, kind: kind)
        else { return x }
        return result(.embedding(paddingToken: paddingToken), x, [table], shape: shape, layer: layer)
    }

    /// x + weight, a row for each position.
    package func addPositions(_ x: Tensor, weight: Parameter, layer: AnyObject?) -> Tensor {
        let kind = "learnedPositions"
        guard check(x, layer, kind), isSequence(x, layer, kind) else { return x }
        guard let table = number(of: weight, shape: x.shape, fanIn: x.shape[1], layer: layer, kind: kind)
        else { return x }
        return result(.addPositions, x, [table], shape: x.shape, layer: layer)
    }

    /// One position of a sequence, −1 being the last.
    package func position(_ x: Tensor, _ index: Int, layer: AnyObject?) -> Tensor {
        let kind = "position"
        guard check(x, layer, kind), isSequence(x, layer, kind) else { return x }
        let (count, width) = (x.shape[0], x.shape[1])
        guard (-count..<count).contains(index) else {
            return fail(x, layer, kind, "\(index) is not among the \(count) positions of what comes in, \(x.shape)")
        }
        let first = (index < 0 ? index + count : index) * width
        let slicing = Operation.Slicing(rows: 1, width: count * width, columns: first..<first + width)
        return result(.slice(slicing), x, [], shape: [width], layer: layer)
    }

    /// The mean of each element over the positions.
    package func meanOverPositions(_ x: Tensor, layer: AnyObject?) -> Tensor {
        guard check(x, layer, "meanOverPositions"), isSequence(x, layer, "meanOverPositions") else { return x }
        let image = reshape(x, shape: [x.shape[0], 1, x.shape[1]], layer: layer)
        return reshape(globalAveragePool2D(image, layer: layer), shape: [x.shape[1]], layer: layer)
    }
}
