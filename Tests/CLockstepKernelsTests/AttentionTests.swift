import CLockstepKernels
import Foundation
import Testing

@Suite("Attention") struct AttentionTests {
    /// Attention by the rules of `docs/arithmetic.md`, one number at a time.
    private struct Reference64 {
        let shape: ls_attention
        var block = 32
        var rule = Reference.Rule()
        /// 0, or the scale, for each [head][query][key]; nil without dropout.
        var mask: [Float]?

        var model: Int { shape.heads * shape.width }
        var scale: Float { Float(1 / Double(shape.width).squareRoot()) }

        func index(_ step: Int, _ part: Int, _ head: Int, _ element: Int) -> Int {
            step * 3 * model + part * model + head * shape.width + element
        }
        func seen(_ query: Int) -> Int { shape.causal ? query + 1 : shape.steps }
        func end(_ query: Int) -> Int {
            shape.causal ? min(shape.steps, (query / block + 1) * block) : shape.steps
        }
        func dropped(_ x: Float, _ head: Int, _ query: Int, _ key: Int) -> Float {
            guard let mask else { return x }
            let factor = mask[(head * shape.steps + query) * shape.steps + key]
            return factor == 0 ? 0 : x * factor
        }

        /// Probabilities are [head][query][key]; nil where the kernel need not write.
        func forward(_ f: ReferenceFunctions, _ qkv: [Float]) -> (probabilities: [Float?], y: [Float]) {
            let (steps, width) = (shape.steps, shape.width)
            var probabilities = [Float?](repeating: nil, count: shape.heads * steps * steps)
            var y = [Float](repeating: 0, count: steps * model)
            for head in 0..<shape.heads {
                for query in 0..<steps {
                    let scores = (0..<seen(query)).map { key in
                        Reference.chain(width, rule: rule) {
                            (qkv[index(query, 0, head, $0)], qkv[index(key, 1, head, $0)])
                        } * scale
                    }
                    let maximum = ReferenceFunctions.maximum(scores)
                    let powers = scores.map { f.exp($0 - maximum) }
                    let sum = ReferenceFunctions.stridedSum(powers.count) { $0 + powers[$1] }
                    let row = (0..<end(query)).map { $0 < powers.count ? powers[$0] / sum : 0 }
                    for key in row.indices { probabilities[(head * steps + query) * steps + key] = row[key] }
                    for element in 0..<width {
                        y[query * model + head * width + element] = Reference.chain(row.count, rule: rule) {
                            (dropped(row[$0], head, query, $0), qkv[index($0, 2, head, element)])
                        }
                    }
                }
            }
            return (probabilities, y)
        }

        func gradient(_ qkv: [Float], _ probabilities: [Float?], _ dy: [Float]) -> [Float] {
            let (steps, width) = (shape.steps, shape.width)
            var result = [Float](repeating: 0, count: qkv.count)
            for head in 0..<shape.heads {
                var scores = [[Float]]()
                func p(_ query: Int, _ key: Int) -> Float {
                    probabilities[(head * steps + query) * steps + key] ?? .nan
                }
                for query in 0..<steps {
                    let gradients = (0..<seen(query)).map { key in
                        dropped(
                            Reference.chain(width, rule: rule) {
                                (dy[query * model + head * width + $0], qkv[index(key, 2, head, $0)])
                            }, head, query, key)
                    }
                    let projection = ReferenceFunctions.stridedSum(gradients.count) {
                        $0.addingProduct(gradients[$1], p(query, $1))
                    }
                    let row = (0..<end(query)).map { key in
                        key < gradients.count ? (p(query, key) * (gradients[key] - projection)) * scale : 0
                    }
                    scores.append(row)
                    for element in 0..<width {
                        result[index(query, 0, head, element)] = Reference.chain(row.count, rule: rule) {
                            (row[$0], qkv[index($0, 1, head, element)])
                        }
                    }
                }
                for key in 0..<steps {
                    let first = shape.causal ? key / block * block : 0
                    for element in 0..<width {
                        result[index(key, 1, head, element)] = Reference.chain(steps - first, rule: rule) {
                            (scores[first + $0][key], qkv[index(first + $0, 0, head, element)])
                        }
                        result[index(key, 2, head, element)] = Reference.chain(steps - first, rule: rule) {
                            (
                                dropped(p(first + $0, key), head, first + $0, key),
                                dy[(first + $0) * model + head * width + element]
                            )
                        }
                    }
                }
            }
            return result
        }
    }

    private struct Found {
        let probabilities, y, gradient: [Float]
        let guardsAreIntact: Bool
    }

    private static func run(
        _ shape: ls_attention, samples: Int, _ kernels: ls_kernels, dropout: ls_dropout? = nil, first: UInt32 = 0,
        _ qkv: [Float], _ dy: [Float]
    ) -> Found {
        var shape = shape
        let (p, y) = (Buffer(samples * shape.heads * shape.steps * shape.steps), Buffer(dy.count))
        let (gradient, scratch) = (Buffer(qkv.count), Buffer(ls_attention_scratch_count(&shape)))
        func run(_ dropout: UnsafePointer<ls_dropout>?) {
            kernels.attention(&shape, dropout, first, samples, qkv, p.pointer, y.pointer, scratch.pointer)
            kernels.attention_gradient(
                &shape, dropout, first, samples, qkv, p.pointer, dy, gradient.pointer, scratch.pointer)
        }
        if var dropout { run(&dropout) } else { run(nil) }
        return Found(
            probabilities: p.values, y: y.values, gradient: gradient.values,
            guardsAreIntact: guardsAreIntact(p, y, gradient, scratch))
    }

    /// What the dropout does to each [head][query][key] of a sample: rows are a multiple of 4 elements apart.
    private static func mask(
        _ dropout: ls_dropout, _ shape: ls_attention, position: UInt32, _ kernels: ls_kernels
    ) -> [Float] {
        var dropout = dropout
        let padded = (shape.steps + 3) / 4 * 4, rows = shape.heads * shape.steps
        let ones = [Float](repeating: 1, count: rows * padded), kept = Buffer(ones.count)
        kernels.dropout(&dropout, 1, ones.count, position, ones, kept.pointer)
        let values = kept.values
        return (0..<rows).flatMap { values[$0 * padded..<$0 * padded + shape.steps] }
    }

    @Test("every variant gives the reference's bits", arguments: Variants.names)
    func bits(name: String) throws {
        let kernels = try Variants.table(name), functions = try ReferenceFunctions()
        let generic = try Variants.table("generic")
        var random = TestGenerator("attention, \(name)")
        let sizes = [
            (1, 1, 1), (2, 1, 3), (7, 2, 5), (16, 1, 16), (31, 1, 8), (33, 2, 17), (40, 1, 33), (66, 1, 4), (520, 1, 1),
        ]
        for (round, (steps, heads, width)) in sizes.enumerated() {
            for causal in [false, true] where steps < 100 || !causal {
                let shape = ls_attention(steps: steps, heads: heads, width: width, causal: causal)
                let samples = steps < 20 ? 2 : 1, model = heads * width, special = round % 3 == 2 ? 60 : 0
                let qkv = random.floats(samples * steps * 3 * model, special: special)
                let dy = random.floats(samples * steps * model, special: special)
                let dropout =
                    round % 2 == 0
                    ? nil
                    : ls_dropout(
                        key: (7, UInt32(round)), site: 3, step: 5, threshold: 1 << 22, scale: Float(4.0 / 3.0))
                let found = AttentionTests.run(
                    shape, samples: samples, kernels, dropout: dropout, first: 9, qkv, dy)
                let comment =
                    "\(name) \(steps) steps, \(heads) heads of \(width), causal \(causal), seed \(random.seed)"
                for sample in 0..<samples {
                    func part(_ values: [Float]) -> [Float] {
                        let count = values.count / samples
                        return Array(values[sample * count..<(sample + 1) * count])
                    }
                    var reference = Reference64(shape: shape)
                    if let dropout {
                        reference.mask = AttentionTests.mask(
                            dropout, shape, position: 9 + UInt32(sample), generic)
                    }
                    let expected = reference.forward(functions, part(qkv))
                    let probabilities = zip(expected.probabilities, part(found.probabilities)).map { $0 ?? $1 }
                    #expect(firstDifference(probabilities, part(found.probabilities)) == nil, "\(comment)")
                    #expect(firstDifference(expected.y, part(found.y)) == nil, "\(comment)")
                    let gradient = reference.gradient(part(qkv), expected.probabilities, part(dy))
                    #expect(firstDifference(gradient, part(found.gradient)) == nil, "\(comment)")
                }
                #expect(found.guardsAreIntact, "\(comment)")
            }
        }
    }

    @Test("a causal query does not see what comes after it", arguments: Variants.names)
    func causality(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("causality, \(name)")
        let shape = ls_attention(steps: 45, heads: 2, width: 6, causal: true), row = 3 * 12
        let qkv = random.floats(45 * row), dy = [Float](repeating: 0, count: 45 * 12)
        let before = AttentionTests.run(shape, samples: 1, kernels, qkv, dy).y
        for step in [1, 20, 40] {
            var changed = qkv
            for index in step * row..<qkv.count { changed[index] += 1 }
            let after = AttentionTests.run(shape, samples: 1, kernels, changed, dy).y
            #expect(before[..<(step * 12)] == after[..<(step * 12)], "seed \(random.seed)")
            #expect(before[(step * 12)...] != after[(step * 12)...], "seed \(random.seed)")
        }
    }

    @Test("the reference notices another order, another block and another dropout")
    func canaries() throws {
        let functions = try ReferenceFunctions(), kernels = try Variants.table("generic")
        var random = TestGenerator("attention canaries", seed: 4)
        let shape = ls_attention(steps: 20, heads: 1, width: 8, causal: true)
        let qkv = random.floats(20 * 24), dy = random.floats(20 * 8)
        let right = Reference64(shape: shape)
        let forward = right.forward(functions, qkv)
        func differs(_ bent: Reference64) -> (y: Bool, gradient: Bool) {
            (
                firstDifference(forward.y, bent.forward(functions, qkv).y) != nil,
                firstDifference(
                    right.gradient(qkv, forward.probabilities, dy), bent.gradient(qkv, forward.probabilities, dy))
                    != nil
            )
        }
        var bent = right
        bent.rule.isReversed = true
        #expect(differs(bent) == (true, true))
        bent = right
        bent.rule.chunk = 4
        #expect(differs(bent) == (true, true))
        let dropout = ls_dropout(key: (1, 2), site: 3, step: 4, threshold: 1 << 22, scale: 1.5)
        bent = right
        bent.mask = AttentionTests.mask(dropout, shape, position: 0, kernels)
        #expect(differs(bent) == (true, true))
        // Zeros beyond a query are part of its chain: with an infinite value behind it the end of the block shows.
        var infinite = qkv
        infinite[right.index(19, 2, 0, 0)] = .infinity
        var narrow = right
        narrow.block = 4
        #expect(right.forward(functions, infinite).y[0].isNaN)
        #expect(!narrow.forward(functions, infinite).y[0].isNaN)
    }

    // MARK: Against binary64

    private static func value(_ reference: Reference64, _ qkv: [Double], _ dy: [Float]) -> Double {
        let shape = reference.shape
        var sum = 0.0
        for head in 0..<shape.heads {
            for query in 0..<shape.steps {
                let powers = (0..<reference.seen(query)).map { key in
                    exp(
                        (0..<shape.width).reduce(0.0) {
                            $0 + qkv[reference.index(query, 0, head, $1)] * qkv[reference.index(key, 1, head, $1)]
                        } / Double(shape.width).squareRoot())
                }
                let total = powers.reduce(0, +)
                for element in 0..<shape.width {
                    let y = powers.indices.reduce(0.0) { result, key in
                        let factor = reference.mask.map {
                            Double($0[(head * shape.steps + query) * shape.steps + key])
                        }
                        return result + powers[key] / total * (factor ?? 1)
                            * qkv[reference.index(key, 2, head, element)]
                    }
                    sum += y * Double(dy[query * reference.model + head * shape.width + element])
                }
            }
        }
        return sum
    }

    @Test("gradients agree with differences in binary64", arguments: [false, true])
    func differences(causal: Bool) throws {
        let kernels = try Variants.table(Variants.names[0])
        var random = TestGenerator("attention differences")
        let shape = ls_attention(steps: 5, heads: 2, width: 3, causal: causal)
        let qkv = random.floats(5 * 18), dy = random.floats(5 * 6)
        for isDropping in [false, true] {
            let dropout = ls_dropout(key: (5, 6), site: 7, step: 8, threshold: 1 << 22, scale: 1.25)
            var reference = Reference64(shape: shape)
            if isDropping { reference.mask = AttentionTests.mask(dropout, shape, position: 3, kernels) }
            let found = AttentionTests.run(
                shape, samples: 1, kernels, dropout: isDropping ? dropout : nil, first: 3, qkv, dy)
            for index in qkv.indices {
                var up = qkv.map(Double.init), down = up
                up[index] += 1e-5
                down[index] -= 1e-5
                let expected =
                    (AttentionTests.value(reference, up, dy) - AttentionTests.value(reference, down, dy)) / 2e-5
                #expect(
                    abs(Double(found.gradient[index]) - expected) < 1e-5 * (1 + abs(expected)),
                    "[\(index)] dropout \(isDropping) seed \(random.seed)")
            }
        }
    }
}
