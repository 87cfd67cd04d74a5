import CLockstepKernels
import Testing

@Suite("Elementwise functions and softmax with cross-entropy") struct ElementwiseTests {
    @Test("relu and its gradient, also in place", arguments: Variants.names)
    func relu(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("relu, \(name)")
        for count in [0, 1, 15, 33, 257] {
            let x = random.floats(count, special: 5), dy = random.floats(count, special: 5)
            let y = Buffer(x)
            kernels.relu(count, y.pointer, y.pointer)
            #expect(firstDifference(x.map { $0 < 0 ? 0 : $0 }, y.values) == nil, "seed \(random.seed)")
            let dx = Buffer(dy)
            kernels.relu_gradient(count, y.pointer, dx.pointer, dx.pointer)
            let expected = zip(y.values, dy).map { $0 > 0 ? $1 : 0 }
            #expect(firstDifference(expected, dx.values) == nil, "seed \(random.seed)")
            #expect(y.guardsAreIntact && dx.guardsAreIntact)
        }
    }

    @Test("channels first and back", arguments: Variants.names)
    func layout(name: String) throws {
        let kernels = try Variants.table(name)
        for (images, positions, channels) in [(1, 1, 1), (2, 9, 64), (3, 17, 5), (2, 33, 34)] {
            let x = (0..<images * positions * channels).map(Float.init)
            let y = Buffer(x.count), back = Buffer(x.count)
            kernels.channels_first(images, positions, channels, x, y.pointer)
            kernels.channels_last(images, positions, channels, y.pointer, back.pointer)
            for image in 0..<images {
                for position in 0..<positions {
                    for channel in 0..<channels {
                        #expect(
                            y.pointer[(image * channels + channel) * positions + position]
                                == x[(image * positions + position) * channels + channel])
                    }
                }
            }
            #expect(back.values == x && y.guardsAreIntact && back.guardsAreIntact)
        }
    }

    @Test("bytes to floats with two roundings", arguments: Variants.names)
    func bytes(name: String) throws {
        let kernels = try Variants.table(name)
        let x = (0..<261).map { UInt8(truncatingIfNeeded: $0) }
        for (factor, offset) in [(Float(1) / 255, Float(0)), (0.0123, -0.777), (-3.3, 0.1)] {
            let y = Buffer(x.count)
            kernels.scale_bytes(x.count, x, factor, offset, y.pointer)
            let expected = x.map { byte -> Float in
                let scaled = Float(byte) * factor
                return scaled + offset
            }
            #expect(firstDifference(expected, y.values) == nil)
            #expect(y.guardsAreIntact)
        }
    }

    @Test("softmax with cross-entropy", arguments: Variants.names)
    func softmax(name: String) throws {
        let kernels = try Variants.table(name), generic = try Variants.table("generic")
        func exp(_ x: [Float]) -> [Float] {
            let y = Buffer(x.count)
            generic.exp(x.count, x, y.pointer)
            return y.values
        }
        func log(_ x: Float) -> Float {
            let y = Buffer(1)
            generic.log(1, [x], y.pointer)
            return y.values[0]
        }
        var random = TestGenerator("softmax, \(name)")
        for round in 0..<40 {
            let rows = random.integer(1...5), classes = random.integer(1...(round % 2 == 0 ? 12 : 70))
            let x = random.floats(rows * classes, special: round % 4 == 3 ? 15 : 0).map { $0 * 3 }
            let labels = (0..<rows).map { _ in Int32(random.integer(0...classes - 1)) }
            var losses: [Float] = [], gradient: [Float] = [], correct: [UInt8] = []
            for row in 0..<rows {
                let logits = Array(x[row * classes..<(row + 1) * classes]), label = Int(labels[row])
                var maximum = logits[0], winner = 0
                for index in logits.indices where logits[index] > maximum {
                    (maximum, winner) = (logits[index], index)
                }
                let e = exp(logits.map { $0 - maximum })
                var sums = [Float](repeating: 0, count: 16)
                for index in e.indices { sums[index % 16] += e[index] }
                for half in [8, 4, 2, 1] { for index in 0..<half { sums[index] += sums[index + half] } }
                losses.append(log(sums[0]) - (logits[label] - maximum))
                correct.append(winner == label ? 1 : 0)
                gradient += e.enumerated().map { $0.element / sums[0] - ($0.offset == label ? 1 : 0) }
            }
            let lossBuffer = Buffer(rows), inPlace = Buffer(x)
            var found = [UInt8](repeating: 9, count: rows)
            kernels.softmax_cross_entropy(
                rows, classes, inPlace.pointer, labels, lossBuffer.pointer, inPlace.pointer, &found)
            let comment = "\(rows) × \(classes) seed \(random.seed)"
            #expect(firstDifference(losses, lossBuffer.values) == nil, "\(comment)")
            #expect(firstDifference(gradient, inPlace.values) == nil, "\(comment)")
            #expect(found == correct, "\(comment)")
            #expect(lossBuffer.guardsAreIntact && inPlace.guardsAreIntact, "\(comment)")
            kernels.softmax_cross_entropy(rows, classes, x, labels, lossBuffer.pointer, nil, &found)
            #expect(firstDifference(losses, lossBuffer.values) == nil, "without gradient, \(comment)")
        }
    }
}
