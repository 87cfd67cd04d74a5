// Arithmetic and the rearranging of elements.
extension Tracer {
    package func add(_ left: Tensor, _ right: Tensor, layer: AnyObject?) -> Tensor {
        binary(.add, "+", left, right, layer)
    }

    package func subtract(_ left: Tensor, _ right: Tensor, layer: AnyObject?) -> Tensor {
        binary(.subtract, "-", left, right, layer)
    }

    package func multiply(_ left: Tensor, _ right: Tensor, layer: AnyObject?) -> Tensor {
        binary(.multiply, "*", left, right, layer)
    }

    private func binary(
        _ operation: Operation, _ kind: String, _ left: Tensor, _ right: Tensor, _ layer: AnyObject?
    ) -> Tensor {
        guard check(left, layer, kind), check(right, layer, kind), haveOneShape(left, right, layer, kind)
        else { return left }
        return result(operation, left, with: [right], [], shape: left.shape, layer: layer)
    }

    /// x · factor + offset.
    package func scale(_ x: Tensor, factor: Double, offset: Double, layer: AnyObject?) -> Tensor {
        guard check(x, layer, "scale") else { return x }
        guard Float(factor).isFinite, Float(offset).isFinite else {
            return fail(x, layer, "scale", "\(factor) and \(offset) are not usable; they must be finite")
        }
        let operation = Operation.scale(factor: Float(factor), offset: Float(offset))
        return result(operation, x, [], shape: x.shape, layer: layer)
    }

    package func flatten(_ x: Tensor, layer: AnyObject?) -> Tensor {
        guard check(x, layer, "flatten") else { return x }
        let count = x.shape.reduce(1, *)
        // With one channel or one position the two orders are the same and nothing has to move.
        let moves = x.shape.count == 3 && x.shape[2] > 1 && x.shape[0] * x.shape[1] > 1
        return result(moves ? .channelsFirst : .reshape, x, [], shape: [count], layer: layer)
    }

    /// The same elements in the same order.
    package func reshape(_ x: Tensor, shape: [Int], layer: AnyObject?) -> Tensor {
        guard check(x, layer, "reshape") else { return x }
        guard !shape.isEmpty, elements(of: shape) == x.shape.reduce(1, *) else {
            return fail(x, layer, "reshape", "makes \(shape) of what comes in, \(x.shape); both need as many elements")
        }
        return result(.reshape, x, [], shape: shape, layer: layer)
    }

    /// Some elements of the last dimension.
    package func slice(_ x: Tensor, _ range: Range<Int>, layer: AnyObject?) -> Tensor {
        guard check(x, layer, "slice") else { return x }
        let width = x.shape[x.shape.count - 1]
        guard range.lowerBound >= 0, range.upperBound <= width, !range.isEmpty else {
            return fail(x, layer, "slice", "takes elements \(range) of what comes in, \(x.shape)")
        }
        let slicing = Operation.Slicing(rows: x.shape.dropLast().reduce(1, *), width: width, columns: range)
        return result(.slice(slicing), x, [], shape: x.shape.dropLast() + [range.count], layer: layer)
    }

    /// Along the last dimension.
    ///
    /// - Parameter tensors: at least one.
    package func concatenate(_ tensors: [Tensor], layer: AnyObject?) -> Tensor {
        let kind = "concatenate"
        let first = tensors[0]
        for tensor in tensors {
            guard check(tensor, layer, kind) else { return first }
            guard tensor.shape.dropLast() == first.shape.dropLast() else {
                return fail(
                    first, layer, kind,
                    "joins the last dimension of tensors that are alike before it, but these are \(first.shape) and "
                        + "\(tensor.shape)")
            }
        }
        guard tensors.count > 1 else { return first }
        let shape: [Int] = first.shape.dropLast() + [tensors.reduce(0) { $0 + ($1.shape.last ?? 0) }]
        guard elements(of: shape) != nil else {
            return fail(first, layer, kind, "its result of shape \(shape) has too many elements")
        }
        return result(.concatenate, first, with: Array(tensors.dropFirst()), [], shape: shape, layer: layer)
    }
}
