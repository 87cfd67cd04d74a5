import CLockstepKernels
import Testing

@Suite("Sequences") struct SequenceTests {
    @Test("embedding: rows of the table, zeros for what is no token", arguments: Variants.names)
    func embedding(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("embedding, \(name)")
        for _ in 0..<20 {
            let count = random.integer(1...9), width = random.integer(1...40), rows = random.integer(0...20)
            let table = random.floats(count * width)
            let tokens = (0..<rows).map { _ -> Float in
                switch random.integer(0...9) {
                case 0: [.nan, .infinity, -.infinity, -1, Float(count), 3e9][random.integer(0...5)]
                default: Float(random.integer(0...count - 1))
                }
            }
            let y = tokens.flatMap { token -> [Float] in
                guard token >= 0, token < Float(count) else { return [Float](repeating: 0, count: width) }
                return Array(table[Int(token) * width..<(Int(token) + 1) * width])
            }
            let found = Buffer(y.count)
            kernels.embedding(rows, count, width, tokens, table, found.pointer)
            #expect(firstDifference(y, found.values) == nil, "seed \(random.seed)")
            #expect(found.guardsAreIntact, "seed \(random.seed)")
        }
    }

    @Test("embedding's gradient: every lane and every token, in the tree", arguments: Variants.names)
    func embeddingGradient(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("embedding's gradient, \(name)")
        var canaries = 0
        for round in 0..<60 {
            let count = random.integer(1...12), width = random.integer(1...90), lanes = random.integer(1...19)
            let positions = random.integer(1...4), starts = random.laneStarts(lanes, upTo: 4)
            let rows = Int(starts[lanes]) * positions
            let tokens = (0..<rows).map { _ in
                Float(random.integer(0...19) == 0 ? count : random.integer(0...count - 1))
            }
            let dy = random.floats(rows * width, special: round % 5 == 4 ? 20 : 0)
            let padding = random.integer(-1...count - 1)
            func gradient(_ rule: Reference.Rule) -> [Float] {
                (0..<count * width).map { at in
                    let token = at / width
                    guard token != padding else { return 0 }
                    let totals = (0..<lanes).map { lane in
                        (Int(starts[lane]) * positions..<Int(starts[lane + 1]) * positions).reduce(Float(0)) {
                            tokens[$1] == Float(token) ? $0 + dy[$1 * width + at % width] : $0
                        }
                    }
                    return Reference.tree(totals[...], rule: rule)
                }
            }
            let found = Buffer(count * width)
            let scratchCount = ls_embedding_scratch_count(count, rows)
            var scratch = [UInt32](repeating: 77, count: scratchCount + 4)
            kernels.embedding_gradient(
                count, width, Int64(padding), tokens, dy, positions, starts, lanes, found.pointer, &scratch)
            let comment = "\(count) × \(width), starts \(starts) of \(positions), seed \(random.seed)"
            #expect(firstDifference(gradient(.init()), found.values) == nil, "\(comment)")
            #expect(found.guardsAreIntact && scratch[scratchCount...].allSatisfy { $0 == 77 }, "\(comment)")
            // The canary: lanes added in a line.
            if firstDifference(gradient(.init(isLinearOverLanes: true)), found.values) != nil { canaries += 1 }
        }
        #expect(canaries > 5)
    }

    @Test("sums, products and columns", arguments: Variants.names)
    func elementwise(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("sums and products, \(name)")
        for count in [0, 1, 3, 4, 7, 8, 15, 16, 17, 33, 70] {
            let rows = random.integer(1...4)
            let a = random.floats(rows * count, special: 6), b = random.floats(rows * count, special: 6)
            let factor: Float = 1.7, offset: Float = -0.3
            func check(_ expected: [Float], _ run: (UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void) {
                let apart = Buffer(a.count), inPlace = Buffer(a)
                run(a, apart.pointer)
                run(inPlace.pointer, inPlace.pointer)
                let comment = "count \(count) seed \(random.seed)"
                #expect(firstDifference(expected, apart.values) == nil, "\(comment)")
                #expect(firstDifference(expected, inPlace.values) == nil, "\(comment)")
                #expect(guardsAreIntact(apart, inPlace), "\(comment)")
            }
            check(zip(a, b).map { $0 * $1 }) { kernels.multiply(a.count, $0, b, $1) }
            check(zip(a, b).map { $0 - $1 }) { kernels.subtract(a.count, $0, b, $1) }
            check(a.indices.map { a[$0] + b[$0 % count] }) { kernels.add_broadcast(rows, count, $0, b, $1) }
            check(
                a.map { x -> Float in
                    let scaled = x * factor
                    return scaled + offset
                }
            ) { kernels.scale_add(a.count, $0, factor, offset, $1) }
            // The canary: one rounding is another number.
            if count == 70 {
                let found = Buffer(a.count)
                kernels.scale_add(a.count, a, factor, offset, found.pointer)
                #expect(firstDifference(a.map { offset.addingProduct($0, factor) }, found.values) != nil)
            }
            let wide = Buffer([Float](repeating: 9, count: rows * (count + 5)))
            var expected = wide.values
            for row in 0..<rows {
                for column in 0..<count { expected[row * (count + 5) + 2 + column] = a[row * count + column] }
            }
            kernels.copy_columns(rows, count, a, count, wide.pointer + 2, count + 5)
            #expect(firstDifference(expected, wide.values) == nil)
            #expect(wide.guardsAreIntact)
        }
    }

    @Test("cross-entropy of sequences, with labels that count nothing", arguments: Variants.names)
    func crossEntropy(name: String) throws {
        let kernels = try Variants.table(name), f = try ReferenceFunctions()
        var random = TestGenerator("cross-entropy of sequences, \(name)")
        var canaries = 0
        for round in 0..<24 {
            let samples = random.integer(1...4), positions = random.integer(1...40)
            let classes = round % 6 == 0 ? 1 : random.integer(2...40)
            let logits = random.floats(samples * positions * classes, special: round % 4 == 3 ? 60 : 0).map { $0 * 3 }
            let labels = (0..<samples * positions).map { index -> Int32 in
                let isIgnored = index / positions == 1 ? round % 2 == 0 : random.integer(0...3) == 0
                return isIgnored ? -100 : Int32(random.integer(0...classes - 1))
            }
            var losses: [Float] = [], plain: [Float] = [], gradient: [Float] = [], correct: [UInt8] = []
            for sample in 0..<samples {
                let own = sample * positions..<(sample + 1) * positions
                let divisor = Float(own.filter { labels[$0] >= 0 }.count)
                var ofPositions: [Float] = []
                for row in own {
                    guard labels[row] >= 0 else {
                        ofPositions.append(0)
                        correct.append(0)
                        gradient += [Float](repeating: 0, count: classes)
                        continue
                    }
                    let x = Array(logits[row * classes..<(row + 1) * classes]), label = Int(labels[row])
                    let maximum = ReferenceFunctions.maximum(x)
                    var winner = 0
                    for index in x.indices where x[index] > x[winner] { winner = index }
                    let e = x.map { f.exp($0 - maximum) }
                    let sum = ReferenceFunctions.stridedSum(classes) { $0 + e[$1] }
                    ofPositions.append(f.log(sum) - (x[label] - maximum))
                    correct.append(winner == label ? 1 : 0)
                    gradient += e.enumerated().map { ($0.element / sum - ($0.offset == label ? 1 : 0)) / divisor }
                }
                func mean(isPlain: Bool) -> Float {
                    guard divisor > 0 else { return 0 }
                    return ReferenceFunctions.stridedSum(positions, isPlain: isPlain) { $0 + ofPositions[$1] } / divisor
                }
                losses.append(mean(isPlain: false))
                plain.append(mean(isPlain: true))
            }
            let lossBuffer = Buffer(samples), inPlace = Buffer(logits)
            var found = [UInt8](repeating: 9, count: labels.count)
            kernels.sequence_cross_entropy(
                samples, positions, classes, inPlace.pointer, labels, lossBuffer.pointer, inPlace.pointer, &found)
            let comment = "\(samples) × \(positions) × \(classes) seed \(random.seed)"
            #expect(firstDifference(losses, lossBuffer.values) == nil, "\(comment)")
            #expect(firstDifference(gradient, inPlace.values) == nil, "\(comment)")
            #expect(found == correct, "\(comment)")
            #expect(guardsAreIntact(lossBuffer, inPlace), "\(comment)")
            kernels.sequence_cross_entropy(
                samples, positions, classes, logits, labels, lossBuffer.pointer, nil, &found)
            #expect(firstDifference(losses, lossBuffer.values) == nil, "without gradient, \(comment)")
            // The canary: one running sum over positions.
            if firstDifference(plain, lossBuffer.values) != nil { canaries += 1 }
        }
        #expect(canaries > 2)
    }

    @Test("average pooling to a given size, and its gradient", arguments: Variants.names)
    func adaptivePooling(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("adaptive pooling, \(name)")
        var canaries = 0
        for round in 0..<40 {
            var s = ls_adaptive_pooling(
                height: random.integer(1...9), width: random.integer(1...9), channels: random.integer(1...70),
                output_height: round % 4 == 0 ? 1 : random.integer(1...10),
                output_width: round % 4 == 0 ? 1 : random.integer(1...10))
            let images = random.integer(1...2), special = round % 5 == 4 ? 12 : 0
            let x = random.floats(images * s.height * s.width * s.channels, special: special)
            let outputs = images * s.output_height * s.output_width * s.channels
            let dy = random.floats(outputs, special: special)
            var y: [Float] = [], backwards: [Float] = []
            var dx = [Float](repeating: 0, count: x.count)
            for output in 0..<outputs {
                let channel = output % s.channels, column = output / s.channels % s.output_width
                let row = output / s.channels / s.output_width % s.output_height
                let image = output / s.channels / s.output_width / s.output_height
                func bin(_ index: Int, _ extent: Int, _ outputs: Int) -> Range<Int> {
                    let end = (Double((index + 1) * extent) / Double(outputs)).rounded(.up)
                    return index * extent / outputs..<Int(end)
                }
                let down = bin(row, s.height, s.output_height), across = bin(column, s.width, s.output_width)
                let cells = down.flatMap { y in
                    across.map { ((image * s.height + y) * s.width + $0) * s.channels + channel }
                }
                y.append(cells.reduce(Float(0)) { $0 + x[$1] } / Float(cells.count))
                backwards.append(cells.reversed().reduce(Float(0)) { $0 + x[$1] } / Float(cells.count))
                for cell in cells { dx[cell] += dy[output] / Float(cells.count) }
            }
            let yBuffer = Buffer(outputs), dxBuffer = Buffer(x.count)
            kernels.adaptive_average_pool(&s, images, x, yBuffer.pointer)
            kernels.adaptive_average_pool_gradient(&s, images, dy, dxBuffer.pointer)
            let comment = "\(s) seed \(random.seed)"
            #expect(firstDifference(y, yBuffer.values) == nil, "\(comment)")
            #expect(firstDifference(dx, dxBuffer.values) == nil, "\(comment)")
            #expect(guardsAreIntact(yBuffer, dxBuffer), "\(comment)")
            // The canary: the window backwards.
            if special == 0, firstDifference(backwards, yBuffer.values) != nil { canaries += 1 }
        }
        #expect(canaries > 5)
    }
}
