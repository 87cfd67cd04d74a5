extension Tracer {
    /// A convolution, where `weight` is [outputs, channels, height, width].
    package func convolution2D(
        _ x: Tensor, weight: Parameter, bias: Parameter?, stride: Int = 1, padding: Int = 0, layer: AnyObject?
    ) -> Tensor {
        guard check(x, layer, "conv2D"), isImage(x, layer, "conv2D") else { return x }
        guard check(weight, bias, rank: 4, layer, "conv2D") else { return x }
        let channels = x.shape[2]
        guard let outputs = positive(weight.extents[0]) else {
            return fail(x, layer, "conv2D", "outputs is \(text(weight.extents[0])); it must be at least 1")
        }
        if let expected = weight.extents[1], expected != channels {
            return fail(
                x, layer, "conv2D",
                "takes \(expected) channels, but what comes in is \(x.shape) (height, width, channels); "
                    + "write \(channels) or leave inputs out")
        }
        guard let height = positive(weight.extents[2]), let width = positive(weight.extents[3]) else {
            return fail(x, layer, "conv2D", "kernel is \(text(weight.extents[2])); it must be at least 1")
        }
        let window = Operation.Window(height: height, width: width, stride: stride, padding: padding)
        guard let extents = resultExtents(window, x, layer, "conv2D", "kernel") else { return x }
        guard
            let parameters = use(
                weight, [outputs, channels, height, width], bias, outputs: outputs, fanIn: channels * height * width,
                layer: layer, kind: "conv2D")
        else { return x }
        let shape = [extents.height, extents.width, outputs]
        guard elements(of: shape) != nil else {
            return fail(x, layer, "conv2D", "its result of shape \(shape) has too many elements")
        }
        return result(.convolution2D(window), x, parameters, shape: shape, layer: layer)
    }

    package func maxPool2D(_ x: Tensor, kernel: Int, stride: Int, padding: Int = 0, layer: AnyObject?) -> Tensor {
        // A winner's place inside its window is kept in one byte.
        guard let (window, shape) = pool(x, kernel, stride, padding, greatestKernel: 15, layer, "maxPool2D") else {
            return x
        }
        return result(
            .maxPool2D(window), x, [], shape: shape, others: [Graph.Value(shape: shape, bytesPerElement: 1)],
            layer: layer)
    }

    package func averagePool2D(_ x: Tensor, kernel: Int, stride: Int, padding: Int, layer: AnyObject?) -> Tensor {
        guard let (window, shape) = pool(x, kernel, stride, padding, greatestKernel: 1 << 14, layer, "averagePool2D")
        else { return x }
        return result(.averagePool2D(window), x, [], shape: shape, layer: layer)
    }

    /// The means over `height` × `width` bins of an image, PyTorch's `AdaptiveAvgPool2d`.
    package func adaptiveAveragePool2D(_ x: Tensor, height: Int, width: Int, layer: AnyObject?) -> Tensor {
        let kind = "adaptiveAveragePool2D"
        guard check(x, layer, kind), isImage(x, layer, kind) else { return x }
        guard height >= 1, width >= 1, height <= x.shape[0], width <= x.shape[1] else {
            return fail(
                x, layer, kind,
                "cannot make \(height) × \(width) of what comes in, \(x.shape) (height, width, channels)")
        }
        return result(.adaptiveAveragePool2D, x, [], shape: [height, width, x.shape[2]], layer: layer)
    }

    /// The mean of each channel, as an image of one pixel.
    package func globalAveragePool2D(_ x: Tensor, layer: AnyObject?) -> Tensor {
        adaptiveAveragePool2D(x, height: 1, width: 1, layer: layer)
    }

    private func pool(
        _ x: Tensor, _ kernel: Int, _ stride: Int, _ padding: Int, greatestKernel: Int, _ layer: AnyObject?,
        _ kind: String
    ) -> (Operation.Window, shape: [Int])? {
        guard check(x, layer, kind), isImage(x, layer, kind) else { return nil }
        guard (1...greatestKernel).contains(kernel) else {
            fail(layer: layer, kind, "kernel is \(kernel); it must be 1 to \(greatestKernel)")
            return nil
        }
        let window = Operation.Window(height: kernel, width: kernel, stride: stride, padding: padding)
        guard let extents = resultExtents(window, x, layer, kind, "window") else { return nil }
        return (window, [extents.height, extents.width, x.shape[2]])
    }

    /// The height and width of what a window that is no larger than its image makes of it.
    private func resultExtents(
        _ window: Operation.Window, _ x: Tensor, _ layer: AnyObject?, _ kind: String, _ word: String
    ) -> (height: Int, width: Int)? {
        guard (1...Graph.maximumElements).contains(window.stride) else {
            fail(layer: layer, kind, "stride is \(window.stride); it must be at least 1")
            return nil
        }
        guard window.padding >= 0, window.padding < min(window.height, window.width) else {
            fail(layer: layer, kind, "padding is \(window.padding); it must be at least 0 and less than the kernel")
            return nil
        }
        // No sum of extents overflows: an image has no extent beyond the greatest number of elements.
        guard window.height <= Graph.maximumElements, window.width <= Graph.maximumElements,
            let extents = window.resultExtents(height: x.shape[0], width: x.shape[1])
        else {
            fail(
                layer: layer, kind,
                "a \(word) of \(window.height) × \(window.width) is larger than what comes in, \(x.shape) "
                    + "(height, width, channels); use a smaller \(word) or fewer pools before it")
            return nil
        }
        return extents
    }
}
