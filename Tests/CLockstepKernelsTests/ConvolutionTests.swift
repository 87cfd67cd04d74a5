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
                outputs: random.integer(1...18))
        case 1:  // Many channels, small images.
            return ls_convolution(
                height: kernelHeight + random.integer(0...1), width: kernelWidth + random.integer(0...2),
                channels: random.integer(10...35), kernel_height: kernelHeight, kernel_width: kernelWidth,
                outputs: random.integer(1...34))
        default:
            return ls_convolution(
                height: kernelHeight + random.integer(0...4), width: kernelWidth + random.integer(0...9),
                channels: random.integer(1...7), kernel_height: kernelHeight, kernel_width: kernelWidth,
                outputs: random.integer(1...9))
        }
    }

    @Test("every variant gives the reference's bits", arguments: Variants.names)
    func random(name: String) throws {
        var random = TestGenerator("convolution, \(name)")
        for round in 0..<36 {
            let shape = ConvolutionTests.randomShape(round, &random)
            let starts = random.laneStarts(random.integer(1...5), upTo: 1)
            try check(name, shape, starts, special: round % 3 == 0 ? 60 : 0, isRelu: round % 2 == 0, &random)
        }
    }

    @Test("chunks of rows, chains longer than a copied patch, rows longer than a chunk", arguments: Variants.names)
    func longShapes(name: String) throws {
        var random = TestGenerator("long convolution, \(name)")
        let chunks = ls_convolution(height: 22, width: 32, channels: 1, kernel_height: 2, kernel_width: 2, outputs: 3)
        try check(name, chunks, [0, 2, 3], special: 0, isRelu: false, &random)
        let deep = ls_convolution(height: 3, width: 4, channels: 83, kernel_height: 3, kernel_width: 3, outputs: 2)
        try check(name, deep, [0, 1], special: 0, isRelu: true, &random)
        let wide = ls_convolution(height: 3, width: 271, channels: 1, kernel_height: 1, kernel_width: 2, outputs: 2)
        try check(name, wide, [1, 2, 2, 4], special: 0, isRelu: false, &random)
        let point = ls_convolution(height: 4, width: 4, channels: 5, kernel_height: 4, kernel_width: 4, outputs: 17)
        try check(name, point, [0, 3, 9], special: 0, isRelu: false, &random)
    }

    private func check(
        _ name: String, _ shape: ls_convolution, _ starts: [UInt32], special: Int, isRelu: Bool,
        _ random: inout TestGenerator
    ) throws {
        let kernels = try Variants.table(name)
        var s = shape
        let images = Int(try #require(starts.last)), lanes = starts.count - 1
        let x = random.floats(images * s.inputCount, special: special)
        let dy = random.floats(images * s.outputCount, special: special)
        let weights = random.floats(s.weightCount, special: special)
        let bias = isRelu ? random.floats(s.outputs, special: special) : nil
        let comment = "\(name) \(shape), lanes \(starts), seed \(random.seed)"
        let taps = s.kernel_height * s.kernel_width
        let xBuffer = Buffer(x), dyBuffer = Buffer(dy)
        let packed = Buffer(ls_packed_count(taps * s.channels, s.outputs))
        let flipped = Buffer(ls_packed_count(taps * s.outputs, s.channels))
        let scratch = Buffer(ls_convolution_scratch_count(&s))

        let y = Buffer(images * s.outputCount), biasBuffer = bias.map { Buffer($0) }
        kernels.convolution_pack(&s, weights, packed.pointer)
        kernels.convolution_forward(
            &s, images, xBuffer.pointer, packed.pointer, biasBuffer?.pointer, isRelu, y.pointer)
        let expected = Reference.convolutionForward(
            shape, images: images, x: x, weights: weights, bias: bias, isRelu: isRelu)
        #expect(firstDifference(expected, y.values) == nil, "forward \(comment)")

        let dx = Buffer(images * s.inputCount)
        kernels.convolution_pack_flipped(&s, weights, flipped.pointer)
        kernels.convolution_data_gradient(
            &s, images, dyBuffer.pointer, flipped.pointer, dx.pointer, scratch.pointer)
        let expectedData = Reference.convolutionDataGradient(shape, images: images, dy: dy, weights: weights)
        #expect(firstDifference(expectedData, dx.values) == nil, "data gradient \(comment)")

        let gradient = Buffer(s.weightCount)
        kernels.convolution_weight_gradient(
            &s, xBuffer.pointer, dyBuffer.pointer, starts, lanes, gradient.pointer, scratch.pointer)
        let expectedGradient = Reference.convolutionWeightGradient(shape, x: x, dy: dy, starts: starts)
        #expect(firstDifference(expectedGradient, gradient.values) == nil, "weight gradient \(comment)")

        let sums = Buffer(s.outputs)
        kernels.convolution_bias_gradient(&s, dyBuffer.pointer, starts, lanes, sums.pointer)
        let expectedSums = (0..<s.outputs).map { output in
            Reference.overPositions(shape, starts: starts) { (1, dy[shape.outputIndex($0, $1, $2, output)]) }
        }
        #expect(firstDifference(expectedSums, sums.values) == nil, "bias gradient \(comment)")
        #expect(
            guardsAreIntact(packed, flipped, scratch, y, dx, gradient, sums), "guards \(comment)")
    }

    @Test("the reference notices another order of a chain, of chunks and of lanes")
    func canaries() throws {
        var random = TestGenerator("convolution canary", seed: 3)
        let s = ls_convolution(height: 20, width: 21, channels: 3, kernel_height: 2, kernel_width: 2, outputs: 2)
        let x = random.floats(6 * s.inputCount), dy = random.floats(6 * s.outputCount)
        let weights = random.floats(s.weightCount)
        func forward(_ isChannelFirst: Bool) -> [Float] {
            Reference.convolutionForward(
                s, images: 1, x: x, weights: weights, bias: nil, isRelu: false, isChannelFirst: isChannelFirst)
        }
        #expect(firstDifference(forward(false), forward(true)) != nil)

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
