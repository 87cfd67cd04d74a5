import CLockstepKernels
import Testing

@Suite("Matrix products") struct ProductTests {
    @Test("every variant gives the reference's bits", arguments: Variants.names)
    func product(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("product, \(name)")
        for round in 0..<60 {
            let m = random.integer(1...34), n = random.integer(1...70)
            let k = round % 12 == 5 ? random.integer(500...1100) : random.integer(0...40)
            let small = k > 100 ? (m: min(m, 5), n: min(n, 9)) : (m: m, n: n)
            // Rows a multiple of 4 KiB apart take another path.
            let stride = round % 5 == 4 ? (k + 1023) / 1024 * 1024 + (k == 0 ? 1024 : 0) : k + random.integer(0...3)
            let isTransposed = round % 2 == 0
            let special = round % 3 == 0 ? 40 : 0
            let a = random.floats(small.m * stride + 1, special: special)
            let b = random.floats(k * small.n + 1, special: special)
            let bias = round % 4 < 2 ? random.floats(small.n, special: special) : nil
            let isRelu = round % 4 == 1
            let expected = Reference.product(
                m: small.m, n: small.n, k: k, a: a, stride: stride, bias: bias, isRelu: isRelu
            ) { p, j in isTransposed ? b[j * k + p] : b[p * small.n + j] }

            let packed = Buffer(ls_packed_count(k, small.n)), c = Buffer(small.m * small.n)
            let biasBuffer = bias.map { Buffer($0) }
            kernels.pack(k, small.n, b, isTransposed ? 1 : small.n, isTransposed ? k : 1, packed.pointer)
            var epilogue = ls_epilogue(bias: biasBuffer?.pointer, isRelu: isRelu)
            kernels.product(small.m, small.n, k, a, stride, packed.pointer, &epilogue, c.pointer, small.n)
            let found = c.values
            #expect(
                firstDifference(expected, found) == nil,
                "\(name) \(small) k \(k) stride \(stride) round \(round) seed \(random.seed)")
            #expect(packed.guardsAreIntact && c.guardsAreIntact, "\(small) k \(k) seed \(random.seed)")
        }
    }

    @Test("rows of c beyond n stay untouched", arguments: Variants.names)
    func strideOfResult(name: String) throws {
        let kernels = try Variants.table(name)
        let a = [Float](repeating: 1, count: 9 * 3), packed = Buffer(ls_packed_count(3, 21)), c = Buffer(9 * 25)
        kernels.pack(3, 21, [Float](repeating: 2, count: 63), 21, 1, packed.pointer)
        kernels.product(9, 21, 3, a, 3, packed.pointer, nil, c.pointer, 25)
        let before = Buffer(1).values[0]
        for row in 0..<9 {
            #expect(c.values[row * 25..<row * 25 + 21].allSatisfy { $0 == 6 })
            #expect(c.values[row * 25 + 21..<row * 25 + 25].allSatisfy { $0 == before })
        }
    }

    @Test("the reference notices another order")
    func canaries() throws {
        var random = TestGenerator("product canary", seed: 1)
        let a = random.floats(4 * 700), b = random.floats(700 * 4)
        func result(_ rule: Reference.Rule) -> [Float] {
            Reference.product(m: 4, n: 4, k: 700, a: a, stride: 700, bias: nil, isRelu: false, rule: rule) {
                b[$0 * 4 + $1]
            }
        }
        let right = result(Reference.Rule())
        #expect(firstDifference(right, result(Reference.Rule(isReversed: true))) != nil)
        #expect(firstDifference(right, result(Reference.Rule(chunk: 256))) != nil)
        #expect(firstDifference(right, result(Reference.Rule(chunk: 4096))) != nil)
    }

    @Test("weight gradients and column sums", arguments: Variants.names)
    func weightGradient(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("weight gradient, \(name)")
        for round in 0..<40 {
            let outputs = random.integer(1...30), inputs = random.integer(1...(round % 2 == 0 ? 15 : 70))
            let starts = random.laneStarts(random.integer(1...9), upTo: 5)
            try check(name, kernels, outputs, inputs, starts, special: round % 3 == 0 ? 30 : 0, &random)
        }
        // Lanes longer than a chain.
        try check(name, kernels, 3, 5, [0, 600, 600, 1700], special: 0, &random)
        try check(name, kernels, 2, 19, [1, 513, 1026], special: 0, &random)
        // So many rows and tiles that columns are copied.
        try check(name, kernels, 113, 33, [1, 60, 150], special: 0, &random)
        try check(name, kernels, 48, 8, [0, 600, 1100], special: 0, &random)
        // Several positions a sample.
        try check(name, kernels, 7, 17, [1, 2, 2, 5], positions: 3, special: 0, &random)
        try check(name, kernels, 5, 6, [0, 3, 4], positions: 300, special: 0, &random)
    }

    private func check(
        _ name: String, _ kernels: ls_kernels, _ outputs: Int, _ inputs: Int, _ starts: [UInt32],
        positions: Int = 1, special: Int, _ random: inout TestGenerator
    ) throws {
        let rows = Int(try #require(starts.last)) * positions, lanes = starts.count - 1
        let rowStarts = starts.map { $0 * UInt32(positions) }
        let dy = Buffer(random.floats(rows * outputs, special: special))
        let x = Buffer(random.floats(rows * inputs, special: special))
        let dyValues = dy.values, xValues = x.values
        var expected: [Float] = []
        for output in 0..<outputs {
            for input in 0..<inputs {
                expected.append(
                    Reference.overLanes(rowStarts) { (dyValues[$0 * outputs + output], xValues[$0 * inputs + input]) })
            }
        }
        let weights = Buffer(outputs * inputs), scratch = Buffer(ls_weight_gradient_scratch_count(outputs, inputs))
        kernels.weight_gradient(
            outputs, inputs, dy.pointer, outputs, x.pointer, positions, starts, lanes, weights.pointer,
            scratch.pointer)
        #expect(
            firstDifference(expected, weights.values) == nil,
            "\(name) \(outputs) × \(inputs), lanes \(starts), seed \(random.seed)")

        // The same in two parts.
        let parts = Buffer(outputs * inputs), first = random.integer(0...outputs)
        for (start, count) in [(0, first), (first, outputs - first)] where count > 0 {
            kernels.weight_gradient(
                count, inputs, dy.pointer + start, outputs, x.pointer, positions, starts, lanes,
                parts.pointer + start * inputs, scratch.pointer)
        }
        #expect(
            firstDifference(expected, parts.values) == nil && parts.guardsAreIntact,
            "\(name) \(outputs) × \(inputs) in two parts, \(first) first, lanes \(starts), seed \(random.seed)")

        let sums = Buffer(outputs)
        kernels.column_sums(outputs, dy.pointer, positions, starts, lanes, sums.pointer)
        let expectedSums = (0..<outputs).map { output in
            Reference.overLanes(rowStarts) { (dyValues[$0 * outputs + output], 1) }
        }
        #expect(
            firstDifference(expectedSums, sums.values) == nil,
            "\(name) sums of \(outputs), lanes \(starts), seed \(random.seed)")
        #expect(weights.guardsAreIntact && scratch.guardsAreIntact && sums.guardsAreIntact)
    }

    @Test("the reference notices lanes added in a line, and rows added across lanes")
    func laneCanaries() throws {
        var random = TestGenerator("lane canary", seed: 2)
        let dy = random.floats(210), x = random.floats(210)
        let starts = (0...7).map { UInt32($0 * 30) }
        func result(_ starts: [UInt32], _ rule: Reference.Rule) -> [Float] {
            (0..<8).map { o in Reference.overLanes(starts, rule: rule) { (dy[$0], x[($0 + o) % 210]) } }
        }
        let right = result(starts, Reference.Rule())
        #expect(firstDifference(right, result(starts, Reference.Rule(isLinearOverLanes: true))) != nil)
        #expect(firstDifference(right, result([0, 210], Reference.Rule())) != nil)
    }
}
