// What an operation demands of its operands. The first demand that is not met becomes the tracer's error.
extension Tracer {
    func check(_ x: Tensor, _ layer: AnyObject?, _ kind: String) -> Bool {
        guard x.tracer === self else {
            fail(layer: layer, kind, "its input was kept from another call; pass tensors on, do not store them")
            return false
        }
        return error == nil
    }

    func check(_ weight: Parameter, _ bias: Parameter?, rank: Int, _ layer: AnyObject?, _ kind: String) -> Bool {
        guard weight.extents.count == rank else {
            fail(layer: layer, kind, "its weight has \(weight.extents.count) dimensions, but needs \(rank)")
            return false
        }
        guard bias.map({ $0.extents == [weight.extents[0]] }) ?? true else {
            fail(layer: layer, kind, "its bias does not have one element for each output")
            return false
        }
        return true
    }

    func isImage(_ x: Tensor, _ layer: AnyObject?, _ kind: String) -> Bool {
        guard x.shape.count == 3 else {
            fail(
                layer: layer, kind,
                "takes images of height × width × channels, but what comes in is \(x.shape); put it before the flatten")
            return false
        }
        return true
    }

    /// A flat input, or a sequence of positions × elements.
    func isRows(_ x: Tensor, _ layer: AnyObject?, _ kind: String) -> Bool {
        guard x.shape.count <= 2 else {
            fail(
                layer: layer, kind,
                "takes a flat input or a sequence, but what comes in is \(x.shape); put a flatten before it")
            return false
        }
        return true
    }

    func isSequence(_ x: Tensor, _ layer: AnyObject?, _ kind: String) -> Bool {
        guard x.shape.count == 2 else {
            fail(
                layer: layer, kind,
                "takes a sequence of positions × elements, but what comes in is \(x.shape); use it after an embedding")
            return false
        }
        return true
    }

    func haveOneShape(_ left: Tensor, _ right: Tensor, _ layer: AnyObject?, _ kind: String) -> Bool {
        guard left.shape == right.shape else {
            fail(layer: layer, kind, "takes tensors of one shape, but these are \(left.shape) and \(right.shape)")
            return false
        }
        return true
    }

    func positive(_ extent: Int?) -> Int? { extent.flatMap { $0 > 0 ? $0 : nil } }

    func text(_ extent: Int?) -> String { extent.map(String.init) ?? "missing" }

    func elements(of shape: [Int]) -> Int? {
        var count = 1
        for extent in shape {
            guard extent > 0 else { return nil }
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard !overflow, product <= Graph.maximumElements else { return nil }
            count = product
        }
        return count
    }
}
