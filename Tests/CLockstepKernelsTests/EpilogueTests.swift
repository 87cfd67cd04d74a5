import CLockstepKernels
import Testing

@Suite("Epilogues, and products of what is not packed") struct EpilogueTests {
    /// An epilogue with matrices of the result's shape, and what it makes of a chain's result.
    struct Sample {
        var bias: [Float]?
        var activation: ls_activation?
        var isRelu = false
        var wantsBefore = false
        var residual: [Float]?
        var mask: [Float]?
        var saved: [Float]?
        var savedActivation: ls_activation?

        static func random(rows: Int, columns: Int, _ random: inout TestGenerator) -> Sample {
            let kinds: [ls_activation] = [LS_SIGMOID, LS_TANH, LS_GELU, LS_GELU_TANH, LS_SILU, LS_ELU]
            var sample = Sample()
            if random.integer(0...1) == 0 { sample.bias = random.floats(columns) }
            switch random.integer(0...3) {
            case 0: sample.isRelu = true
            case 1:
                sample.activation = kinds[random.integer(0...kinds.count - 1)]
                sample.wantsBefore = random.integer(0...1) == 0
            default: break
            }
            if random.integer(0...1) == 0 { sample.residual = random.floats(rows * columns) }
            switch random.integer(0...3) {
            case 0: sample.mask = random.floats(rows * columns)
            case 1:
                sample.saved = random.floats(rows * columns)
                sample.savedActivation = kinds[random.integer(0...kinds.count - 1)]
            default: break
            }
            return sample
        }

        /// `chains` becomes the result; returns what goes to `before`.
        func apply(_ chains: inout [Float], columns: Int, _ kernels: ls_kernels) -> [Float] {
            let count = chains.count
            if let bias { for index in 0..<count { chains[index] = chains[index] + bias[index % columns] } }
            let before = chains
            if isRelu { chains = chains.map(Reference.relu) }
            if let activation { kernels.activation(activation, 0.5, count, before, &chains) }
            if let residual { for index in 0..<count { chains[index] = chains[index] + residual[index] } }
            if let mask { for index in 0..<count { chains[index] = mask[index] > 0 ? chains[index] : 0 } }
            if let saved, let savedActivation {
                let dy = chains
                kernels.activation_gradient(savedActivation, 0.5, count, saved, dy, &chains)
            }
            return before
        }

        /// Runs `body` with the epilogue for a result of `stride`, and returns what went to `before`.
        func run(rows: Int, columns: Int, stride: Int, _ body: (UnsafePointer<ls_epilogue>) -> Void) -> [Float]? {
            func spread(_ values: [Float]?) -> Buffer? {
                guard let values else { return nil }
                let buffer = Buffer(rows * stride)
                for index in values.indices {
                    buffer.pointer[index / columns * stride + index % columns] = values[index]
                }
                return buffer
            }
            let bias = bias.map { Buffer($0) }, residual = spread(residual), mask = spread(mask), saved = spread(saved)
            let before = wantsBefore ? Buffer(rows * stride) : nil
            var epilogue = ls_epilogue(bias: bias?.pointer, isRelu: isRelu)
            epilogue.parameter = 0.5
            if let activation { epilogue.activation = ls_epilogue_activation(activation) }
            epilogue.before = before?.pointer
            epilogue.residual = UnsafePointer(residual?.pointer)
            epilogue.mask = UnsafePointer(mask?.pointer)
            epilogue.saved = UnsafePointer(saved?.pointer)
            if let savedActivation { epilogue.saved_activation = ls_epilogue_activation(savedActivation) }
            withExtendedLifetime((bias, residual, mask, saved)) { body(&epilogue) }
            return before.map { before in
                (0..<rows * columns).map { before.pointer[$0 / columns * stride + $0 % columns] }
            }
        }
    }

    @Test("products with every kind of epilogue, packed and not, in all transpositions", arguments: Variants.names)
    func products(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("epilogue, \(name)")
        for round in 0..<80 {
            let m = random.integer(1...(round % 3 == 0 ? 3 : 31)), n = random.integer(1...(round % 8 == 1 ? 290 : 75))
            var k = random.integer(0...40)
            if round % 16 == 7 { k = random.integer(510...1030) }
            // Strides of a multiple of 4 KiB are copied.
            let aStride = round % 5 == 4 ? 1024 * (k / 1024 + 1) : max(k, m) + random.integer(0...3)
            let isTransposedA = round % 4 == 2, isTransposedB = round % 2 == 0
            let stride = n + random.integer(0...2)
            let a = random.floats((isTransposedA ? k : m) * aStride + 16), b = random.floats(k * n + 1)
            let sample = Sample.random(rows: m, columns: n, &random)
            var expected: [Float] = []
            for i in 0..<m {
                for j in 0..<n {
                    expected.append(
                        Reference.chain(k) { p in
                            (
                                isTransposedA ? a[p * aStride + i] : a[i * aStride + p],
                                isTransposedB ? b[j * k + p] : b[p * n + j]
                            )
                        })
                }
            }
            let expectedBefore = sample.apply(&expected, columns: n, kernels)

            let rowStride = isTransposedB ? 1 : n, columnStride = isTransposedB ? max(k, 1) : 1
            let exactA = Buffer(Array(a[0..<max(0, (isTransposedA ? (k - 1) * aStride + m : (m - 1) * aStride + k))]))
            let exactB = Buffer(Array(b[0..<k * n]))
            func check(_ what: String, _ body: (UnsafePointer<ls_epilogue>, UnsafeMutablePointer<Float>) -> Void) {
                let c = Buffer(m * stride)
                let before = sample.run(rows: m, columns: n, stride: stride) { body($0, c.pointer) }
                let found = (0..<m * n).map { c.pointer[$0 / n * stride + $0 % n] }
                let comment = "\(what) \(name) \(m) × \(n) × \(k), round \(round), seed \(random.seed)"
                #expect(firstDifference(expected, found) == nil, "\(comment)")
                if let before { #expect(firstDifference(expectedBefore, before) == nil, "before: \(comment)") }
                #expect(c.guardsAreIntact, "guards: \(comment)")
            }
            let scratch = Buffer(ls_matrix_product_scratch_count(m, n, k))
            check("matrix_product") {
                kernels.matrix_product(
                    m, n, k, exactA.pointer, isTransposedA ? 1 : aStride, isTransposedA ? aStride : 1, exactB.pointer,
                    rowStride, columnStride, $0, $1, stride, scratch.pointer)
            }
            #expect(scratch.guardsAreIntact)
            guard !isTransposedA else { continue }
            check("product_unpacked") {
                kernels.product_unpacked(
                    m, n, k, exactA.pointer, aStride, exactB.pointer, rowStride, columnStride, $0, $1, stride)
            }
            let packed = Buffer(ls_packed_count(k, n))
            kernels.pack(k, n, exactB.pointer, rowStride, columnStride, packed.pointer)
            check("product") {
                kernels.product(m, n, k, exactA.pointer, aStride, packed.pointer, $0, $1, stride)
            }
        }
    }

    @Test("convolutions with every kind of epilogue", arguments: Variants.names)
    func convolutions(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("epilogues of convolutions, \(name)")
        for round in 0..<30 {
            var s = ls_convolution(
                height: random.integer(3...9), width: random.integer(3...20), channels: random.integer(1...9),
                kernel_height: random.integer(1...3), kernel_width: random.integer(1...3),
                outputs: random.integer(1...20), stride: random.integer(1...2), padding: random.integer(0...1))
            if round == 0 { (s.kernel_height, s.kernel_width, s.channels, s.outputs, s.stride) = (3, 3, 66, 64, 1) }
            let images = random.integer(1...3)
            let x = Buffer(random.floats(images * s.inputCount)), weights = random.floats(s.weightCount)
            let dy = Buffer(random.floats(images * s.outputCount))
            let scratch = Buffer(ls_convolution_scratch_count(&s))
            let packed = Buffer(ls_convolution_packed_count(&s))
            let flipped = Buffer(ls_convolution_flipped_packed_count(&s))
            kernels.convolution_pack(&s, weights, packed.pointer)
            kernels.convolution_pack_flipped(&s, weights, flipped.pointer)
            func check(
                _ what: String, rows: Int, columns: Int,
                _ body: (UnsafePointer<ls_epilogue>?, UnsafeMutablePointer<Float>) -> Void
            ) {
                let plain = Buffer(rows * columns), y = Buffer(rows * columns)
                body(nil, plain.pointer)
                let sample = Sample.random(rows: rows, columns: columns, &random)
                var expected = plain.values
                let expectedBefore = sample.apply(&expected, columns: columns, kernels)
                let before = sample.run(rows: rows, columns: columns, stride: columns) { body($0, y.pointer) }
                let comment = "\(what) \(name) \(s), round \(round), seed \(random.seed)"
                #expect(firstDifference(expected, y.values) == nil, "\(comment)")
                if let before { #expect(firstDifference(expectedBefore, before) == nil, "before: \(comment)") }
                #expect(y.guardsAreIntact, "\(comment)")
            }
            check("forward", rows: images * s.outputHeight * s.outputWidth, columns: s.outputs) {
                kernels.convolution_forward(&s, images, x.pointer, packed.pointer, $0, $1, scratch.pointer)
            }
            check("data gradient", rows: images * s.height * s.width, columns: s.channels) {
                kernels.convolution_data_gradient(&s, images, dy.pointer, flipped.pointer, $0, $1, scratch.pointer)
            }
        }
    }

    @Test("an epilogue in another order is noticed")
    func canary() throws {
        let kernels = try Variants.table(Variants.names[0])
        var random = TestGenerator("epilogue canary", seed: 4)
        var sample = Sample()
        (sample.isRelu, sample.residual) = (true, random.floats(40))
        let chains = random.floats(40)
        var right = chains, wrong = chains
        _ = sample.apply(&right, columns: 8, kernels)
        for index in wrong.indices { wrong[index] = Reference.relu(wrong[index] + (sample.residual?[index] ?? 0)) }
        #expect(firstDifference(right, wrong) != nil)
    }
}
