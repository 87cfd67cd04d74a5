import CLockstepKernels
import Testing

@Suite("Layer normalisation") struct LayerNormTests {
    private static let sizes = [1, 2, 7, 8, 15, 16, 17, 33, 48, 100, 200]
    private static let epsilon: Float = 1e-5

    /// One row as `docs/arithmetic.md` has it.
    private struct Row {
        var mean: Float
        var inverse: Float
        var normal: [Float]

        init(_ x: [Float], isPlain: Bool = false) {
            let count = Float(x.count)
            let middle = ReferenceFunctions.stridedSum(x.count, isPlain: isPlain) { $0 + x[$1] } / count
            let squares = ReferenceFunctions.stridedSum(x.count, isPlain: isPlain) { sum, index in
                let distance = x[index] - middle
                return sum.addingProduct(distance, distance)
            }
            let scale = 1 / (squares / count + LayerNormTests.epsilon).squareRoot()
            mean = middle
            inverse = scale
            normal = x.map { ($0 - middle) * scale }
        }

        func result(_ weight: [Float]?, _ bias: [Float]?) -> [Float] {
            guard let weight, let bias else { return normal }
            return normal.indices.map { bias[$0].addingProduct(normal[$0], weight[$0]) }
        }

        func gradient(_ dy: [Float], _ weight: [Float]?) -> [Float] {
            let own = weight.map { zip(dy, $0).map { $0 * $1 } } ?? dy
            let count = Float(dy.count)
            let plain = ReferenceFunctions.stridedSum(dy.count) { $0 + own[$1] } / count
            let along = ReferenceFunctions.stridedSum(dy.count) { $0.addingProduct(own[$1], normal[$1]) } / count
            return dy.indices.map { (own[$0] - plain).addingProduct(-normal[$0], along) * inverse }
        }
    }

    @Test("forward and the gradient of the data, also in place", arguments: Variants.names)
    func forward(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("layer norm, \(name)")
        var isCanarySeen = false
        for count in LayerNormTests.sizes {
            for isAffine in [true, false] {
                // Where the canary is looked for there are many, so that one of them shows it.
                let rows = count == 200 ? 16 : random.integer(1...9), special = count == 33 ? 40 : 0
                let x = random.floats(rows * count, special: special).map { $0 + 1 }
                let dy = random.floats(rows * count, special: special), residual = random.floats(rows * count)
                let weight = isAffine ? random.floats(count) : nil, bias = isAffine ? random.floats(count) : nil
                var y: [Float] = [], plain: [Float] = [], statistics: [Float] = [], dx: [Float] = []
                for start in stride(from: 0, to: rows * count, by: count) {
                    let part = Array(x[start..<start + count]), row = Row(part)
                    y += row.result(weight, bias)
                    plain += Row(part, isPlain: true).result(weight, bias)
                    statistics += [row.mean, row.inverse]
                    dx += row.gradient(Array(dy[start..<start + count]), weight)
                }
                let sum = zip(residual, dx).map { $0 + $1 }
                let apart = Buffer(x.count), inPlace = Buffer(x), found = Buffer(2 * rows)
                kernels.layer_norm(
                    rows, count, LayerNormTests.epsilon, x, weight, bias, apart.pointer, found.pointer)
                kernels.layer_norm(
                    rows, count, LayerNormTests.epsilon, inPlace.pointer, weight, bias, inPlace.pointer,
                    found.pointer)
                let gradient = Buffer(x.count), over = Buffer(dy), onResidual = Buffer(residual)
                kernels.layer_norm_gradient(rows, count, x, statistics, weight, dy, nil, gradient.pointer)
                kernels.layer_norm_gradient(rows, count, x, statistics, weight, over.pointer, residual, over.pointer)
                kernels.layer_norm_gradient(
                    rows, count, x, statistics, weight, dy, onResidual.pointer, onResidual.pointer)
                let comment = "\(rows) × \(count), affine \(isAffine), seed \(random.seed)"
                #expect(firstDifference(y, apart.values) == nil, "\(comment)")
                #expect(firstDifference(y, inPlace.values) == nil, "\(comment)")
                #expect(firstDifference(statistics, found.values) == nil, "\(comment)")
                #expect(firstDifference(dx, gradient.values) == nil, "\(comment)")
                #expect(firstDifference(sum, over.values) == nil, "\(comment)")
                #expect(firstDifference(sum, onResidual.values) == nil, "\(comment)")
                #expect(guardsAreIntact(apart, inPlace, found, gradient, over, onResidual), "\(comment)")
                // The canary: one running sum rounds elsewhere.
                if count == 200, firstDifference(plain, apart.values) != nil { isCanarySeen = true }
            }
        }
        #expect(isCanarySeen)
    }

    @Test("gradients of weight and bias over lanes", arguments: Variants.names)
    func parameters(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("layer norm's parameters, \(name)")
        var canaries = 0
        for round in 0..<40 {
            let count = random.integer(1...90), lanes = random.integer(1...9), positions = random.integer(1...3)
            let starts = random.laneStarts(lanes, upTo: round % 8 == 0 ? 400 : 7)
            let rows = Int(starts[lanes]) * positions
            let x = random.floats(rows * count), dy = random.floats(rows * count)
            let statistics = (0..<rows).flatMap { _ in
                [random.floats(1)[0], Float.random(in: 0.5...2, using: &random)]
            }
            let rowStarts = starts.map { $0 * UInt32(positions) }
            func weights(_ rule: Reference.Rule) -> [Float] {
                (0..<count).map { column in
                    Reference.overLanes(rowStarts, rule: rule) { row in
                        let at = row * count + column
                        return (dy[at], (x[at] - statistics[2 * row]) * statistics[2 * row + 1])
                    }
                }
            }
            let bias = (0..<count).map { column in
                Reference.overLanes(rowStarts) { (1, dy[$0 * count + column]) }
            }
            let weightBuffer = Buffer(count), biasBuffer = Buffer(count)
            kernels.layer_norm_parameter_gradient(
                count, x, statistics, dy, positions, starts, lanes, weightBuffer.pointer, biasBuffer.pointer)
            let comment = "\(count) columns, starts \(starts) of \(positions), seed \(random.seed)"
            #expect(firstDifference(weights(.init()), weightBuffer.values) == nil, "\(comment)")
            #expect(firstDifference(bias, biasBuffer.values) == nil, "\(comment)")
            #expect(guardsAreIntact(weightBuffer, biasBuffer), "\(comment)")
            // The canaries: another chunk, a reversed chain, lanes added in a line.
            for rule in [
                Reference.Rule(chunk: 100), .init(isReversed: true), .init(isLinearOverLanes: true),
            ] where firstDifference(weights(rule), weightBuffer.values) != nil { canaries += 1 }
        }
        #expect(canaries > 20)
    }
}
