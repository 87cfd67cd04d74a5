import CLockstepKernels
import Testing

@Suite("Convolutions") struct ConvolutionTests {
    private static func randomShape(_ round: Int, _ random: inout TestGenerator) -> ls_convolution {
        let kernelHeight = random.integer(1...3), kernelWidth = random.integer(1...3)
        switch round % 6 {
        case 0:  // Long rows of a narrow input, as in a first layer.
            return ls_convolution(
                height: kernelHeight + random.integer(0...2), width: kernelWidth + random.integer(10...29),
                channels: random.integer(1...2), kernel_height: kernelHeight, kernel_width: kernelWidth,
                outputs: random.integer(1...18), stride: 1, padding: 0)
        case 1:  // Many channels, small images.
            return ls_convolution(
                height: kernelHeight + random.integer(0...1), width: kernelWidth + random.integer(0...2),
                channels: random.integer(10...35), kernel_height: kernelHeight, kernel_width: kernelWidth,
                outputs: random.integer(1...34), stride: 1, padding: 0)
        default:
            return ls_convolution(
                height: kernelHeight + random.integer(0...4), width: kernelWidth + random.integer(0...9),
                channels: random.integer(1...7), kernel_height: kernelHeight, kernel_width: kernelWidth,
                outputs: random.integer(1...9), stride: 1, padding: 0)
        }
    }

    @Test("every variant gives the reference's bits", arguments: Variants.names)
    func random(name: String) throws {
        var random = TestGenerator("convolution, \(name)")
        for round in 0..<36 {
            let shape = ConvolutionTests.randomShape(round, &random)
            let starts = random.laneStarts(random.integer(1...5), upTo: 1)
            try check([name], shape, starts, special: round % 3 == 0 ? 60 : 0, isRelu: round % 2 == 0, &random)
        }
    }

    @Test("chunks of rows, chains longer than a copied patch, rows longer than a chunk", arguments: Variants.names)
    func longShapes(name: String) throws {
        var random = TestGenerator("long convolution, \(name)")
        let chunks = ls_convolution(
            height: 22, width: 32, channels: 1, kernel_height: 2, kernel_width: 2, outputs: 3, stride: 1, padding: 0)
        try check([name], chunks, [0, 2, 3], special: 0, isRelu: false, &random)
        let deep = ls_convolution(
            height: 3, width: 4, channels: 83, kernel_height: 3, kernel_width: 3, outputs: 2, stride: 1, padding: 0)
        try check([name], deep, [0, 1], special: 0, isRelu: true, &random)
        let wide = ls_convolution(
            height: 3, width: 271, channels: 1, kernel_height: 1, kernel_width: 2, outputs: 2, stride: 1, padding: 0)
        try check([name], wide, [1, 2, 2, 4], special: 0, isRelu: false, &random)
        let point = ls_convolution(
            height: 4, width: 4, channels: 5, kernel_height: 4, kernel_width: 4, outputs: 17, stride: 1, padding: 0)
        try check([name], point, [0, 3, 9], special: 0, isRelu: false, &random)
    }

    @Test("strides and padding, also more padding than kernel", arguments: Variants.names)
    func stridesAndPadding(name: String) throws {
        var random = TestGenerator("strides, \(name)")
        for round in 0..<60 {
            var shape = ConvolutionTests.randomShape(round, &random)
            shape.stride = random.integer(1...3)
            shape.padding = random.integer(0...(round % 5 == 0 ? 4 : 2))
            if round % 3 == 0 {
                // Extents that a window leaves in part unread, and kernels that reach over the whole padded image.
                shape.height += random.integer(0...2)
                shape.width = max(shape.width, shape.kernel_width) - random.integer(0...min(1, shape.kernel_width - 1))
                shape.width += shape.padding == 0 ? 1 : 0
            }
            let starts = random.laneStarts(random.integer(1...4), upTo: 2)
            try check([name], shape, starts, special: round % 4 == 0 ? 60 : 0, isRelu: round % 2 == 0, &random)
        }
    }

    @Test("the shapes of residual networks, and large images, cut into bands and read in pieces")
    func familiarShapes() throws {
        var random = TestGenerator("familiar convolutions")
        func shape(_ extent: Int, _ channels: Int, _ kernel: Int, _ outputs: Int, _ stride: Int, _ padding: Int)
            -> ls_convolution
        {
            ls_convolution(
                height: extent, width: extent, channels: channels, kernel_height: kernel, kernel_width: kernel,
                outputs: outputs, stride: stride, padding: padding)
        }
        for (shape, starts) in [
            (shape(15, 3, 7, 17, 2, 3), [0, 1, 2] as [UInt32]), (shape(15, 9, 3, 18, 1, 1), [0, 1, 1, 2]),
            (shape(9, 20, 3, 17, 2, 1), [0, 2]), (shape(8, 18, 1, 20, 2, 0), [1, 2, 4]),
            (shape(4, 30, 3, 33, 1, 1), [0, 2]),
            // More tiles than the pool holds at a time, with eight lanes waiting.
            (shape(2, 120, 3, 17, 1, 1), [0, 1, 2, 3, 4, 5, 6, 6, 7]),
        ] {
            try check(Variants.names, shape, starts, special: 0, isRelu: false, &random)
        }
        // More than fits into the pool of images: bands of a few chunks of rows. The last two exceed the images that are
        // copied whole to pad them.
        for (height, width, channels, outputs, stride, padding) in [
            (150, 65, 9, 1, 1, 1), (40, 300, 6, 2, 1, 1), (180, 140, 3, 1, 2, 0), (4, 110, 300, 1, 1, 1),
            (5, 130, 1, 200, 1, 0),
        ] {
            let large = ls_convolution(
                height: height, width: width, channels: channels, kernel_height: 2, kernel_width: 1, outputs: outputs,
                stride: stride, padding: padding)
            try check(Variants.names, large, [0, 1, 1], special: 0, isRelu: false, &random)
        }
    }

    @Test("many channels: squares, with every padding, odd extents and more squares than fit at a time")
    func squares() throws {
        var random = TestGenerator("squares")
        for (height, width, channels, outputs, padding, starts) in [
            (3, 4, 64, 67, 0, [0, 1] as [UInt32]), (4, 3, 70, 64, 1, [1, 2]), (1, 2, 64, 65, 2, [0, 1]),
            (1, 43, 64, 64, 1, [0, 1, 2]),
        ] {
            let shape = ls_convolution(
                height: height, width: width, channels: channels, kernel_height: 3, kernel_width: 3, outputs: outputs,
                stride: 1, padding: padding)
            try check(
                Variants.names, shape, starts, special: padding == 1 ? 500 : 0, isRelu: padding != 1, &random)
        }
    }

    @Test("squares are near the convolution in binary64, and chains of another order are noticed")
    func squaresAreNear() throws {
        var random = TestGenerator("squares in binary64", seed: 5)
        var s = ls_convolution(
            height: 5, width: 4, channels: 64, kernel_height: 3, kernel_width: 3, outputs: 64, stride: 1, padding: 1)
        let x = random.floats(s.inputCount), weights = random.floats(s.weightCount)
        let kernels = try Variants.table(Variants.names[0])
        let packed = Buffer(ls_convolution_packed_count(&s)), scratch = Buffer(ls_convolution_scratch_count(&s))
        let y = Buffer(s.outputCount)
        kernels.convolution_pack(&s, weights, packed.pointer)
        kernels.convolution_forward(&s, 1, x, packed.pointer, nil, y.pointer, scratch.pointer)
        let found = y.values
        for index in stride(from: 0, to: found.count, by: 7) {
            let (position, o) = (index / s.outputs, index % s.outputs)
            var sum = 0.0, size = 0.0
            for tap in 0..<9 {
                for c in 0..<s.channels {
                    let term =
                        Double(s.input(x, 0, position / 4, position % 4, tap / 3, tap % 3, c))
                        * Double(weights[s.weightIndex(o, c, tap / 3, tap % 3)])
                    (sum, size) = (sum + term, size + abs(term))
                }
            }
            #expect(abs(Double(found[index]) - sum) < size * 1e-6, "[\(index)]")
        }
        let right = Reference.convolutionForward(s, images: 1, x: x, weights: weights, bias: nil, isRelu: false)
        #expect(firstDifference(right, found) == nil)
        let reversed = Reference.squares(
            images: 1, rows: 5, columns: 4, inputs: 64, outputs: 64, rule: Reference.Rule(isReversed: true),
            weight: { weights[s.weightIndex($0, $1, $2 / 3, $2 % 3)] },
            input: { _, row, column, c in
                (1...5).contains(row) && (1...4).contains(column) ? x[s.inputIndex(0, row - 1, column - 1, c)] : 0
            })
        #expect(firstDifference(right, reversed) != nil)
    }

    @Test("gradients are the derivatives of the forward convolution, in binary64", arguments: [1, 2, 3])
    func derivatives(stride: Int) throws {
        var random = TestGenerator("derivatives of convolutions")
        var s = ls_convolution(
            height: 6, width: 7, channels: 2, kernel_height: 3, kernel_width: 2, outputs: 3, stride: stride, padding: 1)
        let x = random.floats(2 * s.inputCount), dy = random.floats(2 * s.outputCount)
        let weights = random.floats(s.weightCount)
        /// Σ dy · y, whose derivatives the gradients are.
        func value(_ x: [Double], _ weights: [Double]) -> Double {
            var sum = 0.0
            for image in 0..<2 {
                for row in 0..<s.outputHeight {
                    for column in 0..<s.outputWidth {
                        for output in 0..<s.outputs {
                            var y = 0.0
                            for ky in 0..<s.kernel_height {
                                for kx in 0..<s.kernel_width {
                                    for c in 0..<s.channels {
                                        y +=
                                            s.input(x, image, row, column, ky, kx, c)
                                            * weights[s.weightIndex(output, c, ky, kx)]
                                    }
                                }
                            }
                            sum += y * Double(dy[s.outputIndex(image, row, column, output)])
                        }
                    }
                }
            }
            return sum
        }
        func difference(_ of: [Float], _ index: Int, _ value: ([Double]) -> Double) -> Double {
            var up = of.map(Double.init), down = up
            up[index] += 0.5
            down[index] -= 0.5
            return value(up) - value(down)
        }
        let doubles = (x: x.map(Double.init), weights: weights.map(Double.init))
        let kernels = try Variants.table(Variants.names[0])
        let flipped = Buffer(ls_convolution_flipped_packed_count(&s))
        let dx = Buffer(x.count), gradient = Buffer(s.weightCount), scratch = Buffer(ls_convolution_scratch_count(&s))
        kernels.convolution_pack_flipped(&s, weights, flipped.pointer)
        kernels.convolution_data_gradient(&s, 2, dy, flipped.pointer, nil, dx.pointer, scratch.pointer)
        for index in x.indices {
            let expected = difference(x, index) { value($0, doubles.weights) }
            #expect(abs(Double(dx.values[index]) - expected) < 1e-4, "x[\(index)] seed \(random.seed)")
        }
        kernels.convolution_weight_gradient(&s, x, dy, [0, 1, 2], 2, gradient.pointer, scratch.pointer)
        for index in weights.indices {
            let expected = difference(weights, index) { value(doubles.x, $0) }
            #expect(abs(Double(gradient.values[index]) - expected) < 1e-4, "w[\(index)] seed \(random.seed)")
        }
    }

    private func check(
        _ names: [String], _ shape: ls_convolution, _ starts: [UInt32], special: Int, isRelu: Bool,
        _ random: inout TestGenerator
    ) throws {
        var s = shape
        let images = Int(try #require(starts.last)), lanes = starts.count - 1
        let x = random.floats(images * s.inputCount, special: special)
        let dy = random.floats(images * s.outputCount, special: special)
        let weights = random.floats(s.weightCount, special: special)
        let bias = isRelu ? random.floats(s.outputs, special: special) : nil
        let expected = Reference.convolutionForward(
            shape, images: images, x: x, weights: weights, bias: bias, isRelu: isRelu)
        let expectedData = Reference.convolutionDataGradient(shape, images: images, dy: dy, weights: weights)
        let expectedGradient = Reference.convolutionWeightGradient(shape, x: x, dy: dy, starts: starts)
        let expectedSums = (0..<s.outputs).map { output in
            Reference.overPositions(shape, starts: starts) { (1, dy[shape.outputIndex($0, $1, $2, output)]) }
        }
        let xBuffer = Buffer(x), dyBuffer = Buffer(dy), biasBuffer = bias.map { Buffer($0) }
        for name in names {
            let kernels = try Variants.table(name)
            let comment = "\(name) \(shape), lanes \(starts), seed \(random.seed)"
            let packed = Buffer(ls_convolution_packed_count(&s))
            let flipped = Buffer(ls_convolution_flipped_packed_count(&s))
            let scratch = Buffer(ls_convolution_scratch_count(&s))

            let y = Buffer(images * s.outputCount)
            kernels.convolution_pack(&s, weights, packed.pointer)
            var epilogue = ls_epilogue(bias: biasBuffer?.pointer, isRelu: isRelu)
            kernels.convolution_forward(
                &s, images, xBuffer.pointer, packed.pointer, &epilogue, y.pointer,
                scratch.pointer)
            #expect(firstDifference(expected, y.values) == nil, "forward \(comment)")

            let dx = Buffer(images * s.inputCount)
            kernels.convolution_pack_flipped(&s, weights, flipped.pointer)
            kernels.convolution_data_gradient(
                &s, images, dyBuffer.pointer, flipped.pointer, nil, dx.pointer, scratch.pointer)
            #expect(firstDifference(expectedData, dx.values) == nil, "data gradient \(comment)")

            let gradient = Buffer(s.weightCount)
            kernels.convolution_weight_gradient(
                &s, xBuffer.pointer, dyBuffer.pointer, starts, lanes, gradient.pointer, scratch.pointer)
            #expect(firstDifference(expectedGradient, gradient.values) == nil, "weight gradient \(comment)")

            let sums = Buffer(s.outputs)
            kernels.convolution_bias_gradient(&s, dyBuffer.pointer, starts, lanes, sums.pointer)
            #expect(firstDifference(expectedSums, sums.values) == nil, "bias gradient \(comment)")
            #expect(
                guardsAreIntact(packed, flipped, scratch, y, dx, gradient, sums), "guards \(comment)")
        }
    }

    @Test("the reference notices another order of a chain, of chunks and of lanes")
    func canaries() throws {
        var random = TestGenerator("convolution canary", seed: 3)
        let s = ls_convolution(
            height: 20, width: 21, channels: 3, kernel_height: 2, kernel_width: 2, outputs: 2, stride: 1, padding: 0)
        let x = random.floats(6 * s.inputCount), dy = random.floats(6 * s.outputCount)
        let weights = random.floats(s.weightCount)
        func forward(_ isChannelFirst: Bool) -> [Float] {
            Reference.convolutionForward(
                s, images: 1, x: x, weights: weights, bias: nil, isRelu: false, isChannelFirst: isChannelFirst)
        }
        #expect(firstDifference(forward(false), forward(true)) != nil)

        // Padding takes part: an infinite weight makes NaN of a padded zero.
        let padded = ls_convolution(
            height: 2, width: 2, channels: 1, kernel_height: 3, kernel_width: 3, outputs: 1, stride: 1, padding: 1)
        let corner = Reference.convolutionForward(
            padded, images: 1, x: [1, 1, 1, 1], weights: [.infinity] + [Float](repeating: 1, count: 8), bias: nil,
            isRelu: false)
        #expect(corner[0].isNaN && corner[3] == .infinity)

        func gradient(_ starts: [UInt32], _ rule: Reference.Rule = Reference.Rule()) -> [Float] {
            Reference.convolutionWeightGradient(s, x: x, dy: dy, starts: starts, rule: rule)
        }
        let right = gradient([0, 2, 4, 6])
        #expect(firstDifference(right, gradient([0, 2, 4, 6], Reference.Rule(positions: 100))) != nil)
        #expect(firstDifference(right, gradient([0, 6])) != nil)
        let four = gradient([0, 1, 2, 3, 4])
        #expect(firstDifference(four, gradient([0, 1, 2, 3, 4], Reference.Rule(isLinearOverLanes: true))) != nil)
    }
}
