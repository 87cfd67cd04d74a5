import CLockstepKernels
import Testing

@Suite("Batch normalisation") struct BatchNormTests {
    /// What a canary bends.
    private struct Rule {
        var chunk = 128
        /// One pass over the lane in place of chunks that are merged.
        var isOverWholeLane = false
    }

    /// The statistics of one channel of one lane.
    private struct Moments {
        var mean: Float = 0
        var inverse: Float = 0
        var unbiased: Float = 0

        init(_ x: [Float], epsilon: Float, rule: Rule = Rule()) {
            guard !x.isEmpty else { return }
            let length = rule.isOverWholeLane ? x.count : rule.chunk
            var total: Float = 0, squares: Float = 0
            for start in stride(from: 0, to: x.count, by: length) {
                let chunk = x[start..<min(start + length, x.count)], count = Float(chunk.count)
                let sum = chunk.reduce(Float(0)) { $0 + $1 }
                let middle = sum / count
                let own = chunk.reduce(Float(0)) { $0.addingProduct($1 - middle, $1 - middle) }
                if start == 0 {
                    (total, squares) = (sum, own)
                } else {
                    let distance = middle - total / Float(start)
                    let weight = Float(Double(start) * Double(chunk.count) / Double(start + chunk.count))
                    squares = (squares + own).addingProduct(distance * distance, weight)
                    total = total + sum
                }
            }
            let count = Float(x.count)
            mean = total / count
            inverse = 1 / (squares / count + epsilon).squareRoot()
            unbiased = x.count > 1 ? squares / Float(x.count - 1) : 0
        }
    }

    /// A chain over terms in chunks of 128.
    private static func sum(_ count: Int, rule: Rule = Rule(), term: (Int) -> (Float, Float)) -> Float {
        Reference.chain(count, rule: .init(chunk: rule.chunk), term: term)
    }

    /// A random problem with all that the kernels read.
    private struct Problem {
        var shape: ls_batch_norm
        var starts: [UInt32]
        var x, dy, residual, weight, bias: [Float]

        init(_ random: inout TestGenerator, round: Int) {
            let lanes = random.integer(1...9)
            starts = random.laneStarts(lanes, upTo: 3)
            shape = ls_batch_norm(
                positions: round % 5 == 4 ? 1 : round % 6 == 0 ? random.integer(150...250) : random.integer(1...30),
                channels: random.integer(1...150),
                epsilon: 1e-5)
            let count = Int(starts[lanes]) * shape.positions * shape.channels
            let special = round % 9 == 8 ? 50 : 0
            x = random.floats(count, special: special).map { $0 + 3 }
            dy = random.floats(count, special: special)
            residual = random.floats(count)
            weight = random.floats(shape.channels)
            bias = random.floats(shape.channels)
        }

        var lanes: Int { starts.count - 1 }
        var channels: Int { shape.channels }
        func rows(_ lane: Int) -> Range<Int> {
            Int(starts[lane]) * shape.positions..<Int(starts[lane + 1]) * shape.positions
        }
        func moments(_ lane: Int, _ channel: Int, rule: Rule = Rule()) -> Moments {
            Moments(rows(lane).map { x[$0 * channels + channel] }, epsilon: shape.epsilon, rule: rule)
        }
        /// What lies before the first lane is no one's.
        var untouched: Int { Int(starts[0]) * shape.positions * channels }

        func result(
            _ moments: [[Moments]], residual: [Float]?, isRelu: Bool
        ) -> [Float] {
            var y = [Float](repeating: 0, count: x.count)
            for lane in 0..<lanes {
                for row in rows(lane) {
                    for channel in 0..<channels {
                        let at = row * channels + channel, own = moments[lane][channel]
                        var value = bias[channel].addingProduct((x[at] - own.mean) * own.inverse, weight[channel])
                        if let residual { value = value + residual[at] }
                        y[at] = isRelu ? Reference.relu(value) : value
                    }
                }
            }
            return y
        }
    }

    @Test("forward, statistics, running sums; with residual and relu, in place", arguments: Variants.names)
    func forward(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("batch norm, \(name)")
        var canaries: Set<String> = []
        for round in 0..<36 {
            let problem = Problem(&random, round: round), channels = problem.channels, lanes = problem.lanes
            var shape = problem.shape
            let moments = (0..<lanes).map { lane in (0..<channels).map { problem.moments(lane, $0) } }
            let residual = round % 2 == 0 ? problem.residual : nil, isRelu = round % 4 < 2
            let y = problem.result(moments, residual: residual, isRelu: isRelu)
            let statistics = moments.flatMap { $0.map(\.mean) + $0.map(\.inverse) + $0.map(\.unbiased) }
            func running(_ value: (Moments) -> Float, isLine: Bool = false) -> [Float] {
                (0..<channels).map { channel in
                    let terms = (0..<lanes).map { lane -> Float in
                        let count = problem.rows(lane).count
                        return count > 1 ? Float(count) * value(moments[lane][channel]) : 0
                    }
                    return Reference.tree(terms[...], rule: .init(isLinearOverLanes: isLine))
                }
            }
            let apart = Buffer([Float](repeating: 0, count: y.count)), inPlace = Buffer(problem.x)
            let found = Buffer(statistics.count), means = Buffer(channels), variances = Buffer(channels)
            kernels.batch_norm(
                &shape, problem.x, problem.starts, lanes, problem.weight, problem.bias, residual, isRelu,
                apart.pointer, found.pointer)
            kernels.batch_norm(
                &shape, inPlace.pointer, problem.starts, lanes, problem.weight, problem.bias, residual, isRelu,
                inPlace.pointer, found.pointer)
            kernels.batch_norm_running(
                &shape, statistics, problem.starts, lanes, means.pointer, variances.pointer)
            let comment = "\(shape), starts \(problem.starts), seed \(random.seed)"
            #expect(firstDifference(y, apart.values) == nil, "\(comment)")
            #expect(
                firstDifference(
                    Array(y[problem.untouched...]), Array(inPlace.values[problem.untouched...])) == nil, "\(comment)")
            #expect(firstDifference(statistics, found.values) == nil, "\(comment)")
            #expect(firstDifference(running(\.mean), means.values) == nil, "\(comment)")
            #expect(firstDifference(running(\.unbiased), variances.values) == nil, "\(comment)")
            #expect(guardsAreIntact(apart, inPlace, found, means, variances), "\(comment)")
            // The canaries: other chunks, one pass over the lane, lanes added in a line.
            for (name, rule) in [("chunk", Rule(chunk: 100)), ("lane", Rule(isOverWholeLane: true))] {
                let others = (0..<lanes).map { lane in
                    (0..<channels).map { problem.moments(lane, $0, rule: rule) }
                }
                let other = problem.result(others, residual: residual, isRelu: isRelu)
                if firstDifference(other, apart.values) != nil { canaries.insert(name) }
            }
            if firstDifference(running(\.mean, isLine: true), means.values) != nil { canaries.insert("line") }
        }
        #expect(canaries == ["chunk", "lane", "line"])
    }

    @Test("inference", arguments: Variants.names)
    func inference(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("batch norm in use, \(name)")
        for round in 0..<16 {
            let problem = Problem(&random, round: round), channels = problem.channels
            var shape = problem.shape
            let images = Int(problem.starts[problem.lanes])
            let mean = random.floats(channels), variance = random.floats(channels).map { abs($0) + 0.1 }
            let residual = round % 2 == 0 ? problem.residual : nil, isRelu = round % 4 < 2
            let y = problem.x.indices.map { at -> Float in
                let channel = at % channels
                let inverse = 1 / (variance[channel] + shape.epsilon).squareRoot()
                let normal = (problem.x[at] - mean[channel]) * inverse
                var value = problem.bias[channel].addingProduct(normal, problem.weight[channel])
                if let residual { value = value + residual[at] }
                return isRelu ? Reference.relu(value) : value
            }
            let found = Buffer(y.count)
            kernels.batch_norm_inference(
                &shape, images, problem.x, problem.weight, problem.bias, mean, variance, residual, isRelu,
                found.pointer)
            #expect(firstDifference(y, found.values) == nil, "\(shape) seed \(random.seed)")
            #expect(found.guardsAreIntact, "\(shape) seed \(random.seed)")
        }
    }

    @Test("gradients of the data, weight and bias; with relu's mask, in place", arguments: Variants.names)
    func gradients(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("batch norm's gradients, \(name)")
        var canaries = 0
        for round in 0..<36 {
            let problem = Problem(&random, round: round), channels = problem.channels, lanes = problem.lanes
            var shape = problem.shape
            let moments = (0..<lanes).map { lane in (0..<channels).map { problem.moments(lane, $0) } }
            let statistics = moments.flatMap { $0.map(\.mean) + $0.map(\.inverse) + $0.map(\.unbiased) }
            let y = round % 2 == 0 ? problem.residual : nil
            let gradient = y.map { zip($0, problem.dy).map { $0 > 0 ? $1 : 0 } } ?? problem.dy
            func normal(_ lane: Int, _ row: Int, _ channel: Int) -> Float {
                let own = moments[lane][channel]
                return (problem.x[row * channels + channel] - own.mean) * own.inverse
            }
            func sums(_ rule: Rule = Rule()) -> [Float] {
                (0..<lanes).flatMap { lane -> [Float] in
                    let rows = problem.rows(lane)
                    func sum(_ channel: Int, _ term: (Int, Float) -> (Float, Float)) -> Float {
                        BatchNormTests.sum(rows.count, rule: rule) { index in
                            let row = rows.lowerBound + index
                            return term(row, gradient[row * channels + channel])
                        }
                    }
                    return (0..<channels).map { sum($0) { (1, $1) } }
                        + (0..<channels).map { channel in sum(channel) { ($1, normal(lane, $0, channel)) } }
                }
            }
            let expected = sums()
            var dx = [Float](repeating: 0, count: gradient.count)
            for lane in 0..<lanes {
                let rows = problem.rows(lane), count = Float(rows.count)
                for row in rows {
                    for channel in 0..<channels {
                        let plain = expected[lane * 2 * channels + channel] / count
                        let along = expected[(lane * 2 + 1) * channels + channel] / count
                        let factor = problem.weight[channel] * moments[lane][channel].inverse
                        let at = row * channels + channel
                        dx[at] = (gradient[at] - plain).addingProduct(-normal(lane, row, channel), along) * factor
                    }
                }
            }
            let zeros = [Float](repeating: 0, count: dx.count)
            let apart = Buffer(zeros), masked = Buffer(zeros), over = Buffer(problem.dy), found = Buffer(expected.count)
            kernels.batch_norm_gradient(
                &shape, problem.x, statistics, problem.weight, problem.dy, y, masked.pointer, problem.starts, lanes,
                apart.pointer, found.pointer)
            kernels.batch_norm_gradient(
                &shape, problem.x, statistics, problem.weight, over.pointer, y, over.pointer, problem.starts, lanes,
                over.pointer, found.pointer)
            let ownParameters = (0..<2 * channels).map { index in
                Reference.tree((0..<lanes).map { expected[$0 * 2 * channels + index] }[...])
            }
            let weightBuffer = Buffer(channels), biasBuffer = Buffer(channels)
            kernels.batch_norm_parameter_gradient(
                &shape, expected, lanes, weightBuffer.pointer, biasBuffer.pointer)
            let comment = "\(shape), starts \(problem.starts), seed \(random.seed)", first = problem.untouched
            #expect(firstDifference(expected, found.values) == nil, "\(comment)")
            #expect(firstDifference(dx, apart.values) == nil, "\(comment)")
            #expect(firstDifference(Array(dx[first...]), Array(over.values[first...])) == nil, "\(comment)")
            if y != nil {
                #expect(
                    firstDifference(Array(gradient[first...]), Array(masked.values[first...])) == nil, "\(comment)")
            }
            #expect(firstDifference(Array(ownParameters[..<channels]), biasBuffer.values) == nil, "\(comment)")
            #expect(firstDifference(Array(ownParameters[channels...]), weightBuffer.values) == nil, "\(comment)")
            #expect(guardsAreIntact(apart, masked, over, found, weightBuffer, biasBuffer), "\(comment)")
            // The canary: other chunks round elsewhere.
            if firstDifference(sums(Rule(chunk: 512)), found.values) != nil { canaries += 1 }
        }
        #expect(canaries > 0)
    }
}
