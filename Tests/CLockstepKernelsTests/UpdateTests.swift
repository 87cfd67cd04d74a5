import CLockstepKernels
import Testing

@Suite("Optimizers") struct UpdateTests {
    private static let counts = [0, 1, 3, 4, 7, 8, 15, 16, 17, 33, 1000]

    /// Vectors of one step: parameters, gradient and two of state, the second never negative.
    private struct Step {
        let p, g, first, second: [Float]

        init(_ count: Int, _ random: inout TestGenerator) {
            let special = count % 2 == 0 ? 20 : 0
            p = random.floats(count, special: special)
            g = random.floats(count, special: special)
            first = random.floats(count, special: special)
            second = random.floats(count, special: special).map { abs($0) }
        }
    }

    @Test("AdamW is decay, then Adam", arguments: Variants.names)
    func adamW(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("AdamW, \(name)")
        for count in UpdateTests.counts {
            let s = Step(count, &random), decay: Float = 1 - 0.003 * 0.01
            var c = ls_adam(
                scale: 1 / 3, beta1: 0.9, beta2: 0.999, one_minus_beta1: 0.1, one_minus_beta2: 0.001, step_size: 0.003,
                second_correction: 1.7, epsilon: 1e-8)
            let p = Buffer(s.p), m = Buffer(s.first), v = Buffer(s.second)
            kernels.adamw(count, p.pointer, m.pointer, v.pointer, s.g, &c, decay)
            let expected = Buffer(s.p.map { $0 * decay }), expectedM = Buffer(s.first), expectedV = Buffer(s.second)
            kernels.adam(count, expected.pointer, expectedM.pointer, expectedV.pointer, s.g, &c)
            #expect(firstDifference(expected.values, p.values) == nil, "seed \(random.seed)")
            #expect(firstDifference(expectedM.values, m.values) == nil, "seed \(random.seed)")
            #expect(firstDifference(expectedV.values, v.values) == nil, "seed \(random.seed)")
            #expect(guardsAreIntact(p, m, v))
        }
    }

    @Test("momentum, dampening and Nesterov, first and later steps", arguments: Variants.names)
    func momentum(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("momentum, \(name)")
        for count in UpdateTests.counts {
            for choice in 0..<4 {
                let s = Step(count, &random)
                var c = ls_momentum(
                    scale: 1 / 3, rate: 0.07, momentum: 0.9, one_minus_dampening: 0.8, nesterov: choice % 2 == 1,
                    is_first: choice < 2)
                let p = Buffer(s.p), buffer = Buffer(s.first)
                kernels.sgd_momentum(count, p.pointer, buffer.pointer, s.g, &c)
                var expected: [Float] = [], expectedBuffer: [Float] = []
                for index in 0..<count {
                    let scaled = s.g[index] * c.scale, damped = c.one_minus_dampening * scaled
                    let value = c.is_first ? scaled : damped.addingProduct(c.momentum, s.first[index])
                    expectedBuffer.append(value)
                    let direction = c.nesterov ? scaled.addingProduct(c.momentum, value) : value
                    expected.append(s.p[index].addingProduct(-c.rate, direction))
                }
                #expect(firstDifference(expected, p.values) == nil, "choice \(choice) seed \(random.seed)")
                #expect(firstDifference(expectedBuffer, buffer.values) == nil, "choice \(choice) seed \(random.seed)")
                #expect(guardsAreIntact(p, buffer))
            }
        }
    }

    @Test("RMSprop with and without momentum", arguments: Variants.names)
    func rmsprop(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("RMSprop, \(name)")
        for count in UpdateTests.counts {
            for hasMomentum in [false, true] {
                let s = Step(count, &random)
                var c = ls_rmsprop(
                    scale: 1 / 3, rate: 0.01, alpha: 0.99, one_minus_alpha: 0.01, epsilon: 1e-8,
                    momentum: hasMomentum ? 0.9 : 0)
                let p = Buffer(s.p), v = Buffer(s.second), buffer = Buffer(s.first)
                kernels.rmsprop(count, p.pointer, v.pointer, hasMomentum ? buffer.pointer : nil, s.g, &c)
                var expected: [Float] = [], expectedV: [Float] = [], expectedBuffer: [Float] = []
                for index in 0..<count {
                    let scaled = s.g[index] * c.scale, weighted = c.one_minus_alpha * scaled
                    let kept = c.alpha * s.second[index], square = kept.addingProduct(weighted, scaled)
                    expectedV.append(square)
                    var direction = scaled / (square.squareRoot() + c.epsilon)
                    if hasMomentum { direction = direction.addingProduct(c.momentum, s.first[index]) }
                    expectedBuffer.append(hasMomentum ? direction : s.first[index])
                    expected.append(s.p[index].addingProduct(-c.rate, direction))
                }
                #expect(firstDifference(expected, p.values) == nil, "seed \(random.seed)")
                #expect(firstDifference(expectedV, v.values) == nil, "seed \(random.seed)")
                #expect(firstDifference(expectedBuffer, buffer.values) == nil, "seed \(random.seed)")
                #expect(guardsAreIntact(p, v, buffer))
            }
        }
    }

    @Test("Adagrad", arguments: Variants.names)
    func adagrad(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("Adagrad, \(name)")
        for count in UpdateTests.counts {
            let s = Step(count, &random)
            var c = ls_adagrad(scale: 1 / 3, rate: 0.01, epsilon: 1e-10)
            let p = Buffer(s.p), sum = Buffer(s.second)
            kernels.adagrad(count, p.pointer, sum.pointer, s.g, &c)
            var expected: [Float] = [], expectedSum: [Float] = [], twice: [Float] = []
            for index in 0..<count {
                let scaled = s.g[index] * c.scale, total = s.second[index].addingProduct(scaled, scaled)
                let direction = scaled / (total.squareRoot() + c.epsilon), change = c.rate * direction
                expectedSum.append(total)
                expected.append(s.p[index].addingProduct(-c.rate, direction))
                twice.append(s.p[index] - change)
            }
            #expect(firstDifference(expected, p.values) == nil, "seed \(random.seed)")
            #expect(firstDifference(expectedSum, sum.values) == nil, "seed \(random.seed)")
            #expect(guardsAreIntact(p, sum))
            // The canary: one rounding more shows.
            if count == 1000 { #expect(firstDifference(twice, p.values) != nil) }
        }
    }

    @Test("a gradient is scaled, clamped, then penalised", arguments: Variants.names)
    func preparation(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("preparation, \(name)")
        for count in UpdateTests.counts {
            for (clip, l1, l2) in [(0, 0, 0), (0.4, 0, 0), (0, 0.01, 0.02), (0.3, 0.01, 0.02)]
                as [(Float, Float, Float)]
            {
                let s = Step(count, &random)
                let p = s.p.enumerated().map { $0.offset % 5 == 0 ? 0 : $0.element }
                var c = ls_gradient_preparation(scale: 1 / 3, clip: clip, l1: l1, l2: l2)
                let g = Buffer(s.g)
                kernels.prepare_gradient(count, g.pointer, p, &c)
                let expected = zip(s.g, p).map { value, p -> Float in
                    var g = value * c.scale
                    if clip > 0 { g = g > clip ? clip : g < -clip ? -clip : g }
                    g = g.addingProduct(l2, p)
                    return g + (p > 0 ? l1 : p < 0 ? -l1 : 0)
                }
                #expect(firstDifference(expected, g.values) == nil, "\(c) seed \(random.seed)")
                #expect(g.guardsAreIntact)
                if count == 1000, clip > 0, l1 > 0 {
                    // The canary: clamping last is another rule.
                    let other = zip(s.g, p).map { value, p -> Float in
                        let g = (value * c.scale).addingProduct(l2, p) + (p > 0 ? l1 : p < 0 ? -l1 : 0)
                        return g > clip ? clip : g < -clip ? -clip : g
                    }
                    #expect(firstDifference(other, g.values) != nil)
                }
            }
        }
    }

    @Test("sums of squares by blocks, in binary64", arguments: Variants.names)
    func squareSums(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("square sums, \(name)")
        for count in [0, 1, 15, 16, 17, 4095, 4096, 4097, 9000] {
            let x = random.floats(count, special: count == 4097 ? 600 : 0).map { $0 * 1e3 }
            let blocks = (count + 4095) / 4096
            func sums(isPlain: Bool) -> [Double] {
                (0..<blocks).map { block in
                    var partial = [Double](repeating: 0, count: 16)
                    for (index, value) in x[block * 4096..<min((block + 1) * 4096, count)].enumerated() {
                        let square = Double(value) * Double(value)
                        partial[isPlain ? 0 : index % 16] += square
                    }
                    for half in [8, 4, 2, 1] { for index in 0..<half { partial[index] += partial[index + half] } }
                    return partial[0]
                }
            }
            var found = [Double](repeating: -7, count: blocks + 1)
            kernels.square_sums(count, x, &found)
            func words(_ values: some Sequence<Double>) -> [UInt64] { values.map { $0.isNaN ? 1 : $0.bitPattern } }
            #expect(words(found.dropLast()) == words(sums(isPlain: false)), "count \(count) seed \(random.seed)")
            #expect(found.last == -7)
            if count == 9000 { #expect(words(found.dropLast()) != words(sums(isPlain: true))) }
        }
    }
}
