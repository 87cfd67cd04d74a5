import CLockstepKernels
import Foundation
import Testing

@Suite("Softmax and losses") struct LossTests {
    private static let sizes = [1, 2, 7, 8, 15, 16, 17, 31, 33, 100]

    private struct Exponentials {
        var maximum: Float
        var e: [Float]
        var sum: Float

        init(_ x: [Float], _ f: ReferenceFunctions, isPlain: Bool = false) {
            let largest = ReferenceFunctions.maximum(x)
            let terms = x.map { f.exp($0 - largest) }
            maximum = largest
            e = terms
            sum = ReferenceFunctions.stridedSum(x.count, isPlain: isPlain) { $0 + terms[$1] }
        }
    }

    @Test("softmax and its gradient, also in place", arguments: Variants.names)
    func softmax(name: String) throws {
        let kernels = try Variants.table(name), f = try ReferenceFunctions()
        var random = TestGenerator("softmax, \(name)")
        for count in LossTests.sizes {
            let rows = count == 100 ? 16 : 3, special = count == 33 ? 30 : 0
            let x = random.floats(rows * count, special: special).map { $0 * 4 }
            let dy = random.floats(rows * count)
            var y: [Float] = [], plain: [Float] = [], dx: [Float] = []
            for row in 0..<rows {
                let range = row * count..<(row + 1) * count
                let exponentials = Exponentials(Array(x[range]), f)
                let other = Exponentials(Array(x[range]), f, isPlain: true)
                y += exponentials.e.map { $0 / exponentials.sum }
                plain += other.e.map { $0 / other.sum }
                let projection = ReferenceFunctions.stridedSum(count) { sum, index in
                    sum.addingProduct(dy[range.lowerBound + index], y[range.lowerBound + index])
                }
                dx += range.map { y[$0] * (dy[$0] - projection) }
            }
            let apart = Buffer(x.count), inPlace = Buffer(x), gradient = Buffer(x.count), over = Buffer(dy)
            kernels.softmax(rows, count, x, apart.pointer)
            kernels.softmax(rows, count, inPlace.pointer, inPlace.pointer)
            kernels.softmax_gradient(rows, count, y, dy, gradient.pointer)
            kernels.softmax_gradient(rows, count, y, over.pointer, over.pointer)
            let comment = "count \(count) seed \(random.seed)"
            #expect(firstDifference(y, apart.values) == nil, "\(comment)")
            #expect(firstDifference(y, inPlace.values) == nil, "\(comment)")
            #expect(firstDifference(dx, gradient.values) == nil, "\(comment)")
            #expect(firstDifference(dx, over.values) == nil, "\(comment)")
            #expect(guardsAreIntact(apart, inPlace, gradient, over), "\(comment)")
            // The canary: one running sum rounds elsewhere.
            if count == 100 { #expect(firstDifference(plain, apart.values) != nil, "\(comment)") }
        }
    }

    @Test("cross-entropy with smoothing and class weights", arguments: Variants.names)
    func smoothed(name: String) throws {
        let kernels = try Variants.table(name), f = try ReferenceFunctions()
        var random = TestGenerator("smoothed cross-entropy, \(name)")
        for (round, classes) in (LossTests.sizes + LossTests.sizes).enumerated() {
            let rows = 3, smoothing: Float = round % 3 == 0 ? 0 : 0.1
            let x = random.floats(rows * classes).map { $0 * 4 }
            let weights = round % 2 == 0 ? nil : (0..<classes).map { _ in Float.random(in: 0...3, using: &random) }
            let labels = (0..<rows).map { _ in Int32(random.integer(0...classes - 1)) }
            let share = smoothing / Float(classes), rest = 1 - smoothing
            let weight = weights.map { w in ReferenceFunctions.stridedSum(classes) { $0 + w[$1] } } ?? Float(classes)
            var losses: [Float] = [], gradient: [Float] = []
            for row in 0..<rows {
                let logits = Array(x[row * classes..<(row + 1) * classes]), label = Int(labels[row])
                let exponentials = Exponentials(logits, f)
                let logarithm = f.log(exponentials.sum), ofLabel = rest * (weights?[label] ?? 1)
                let negatives = logits.map { logarithm - ($0 - exponentials.maximum) }
                var loss = ofLabel * negatives[label]
                if smoothing > 0 {
                    let all = ReferenceFunctions.stridedSum(classes) { sum, c in
                        sum.addingProduct(weights?[c] ?? 1, negatives[c])
                    }
                    let spread = share * all
                    loss = loss + spread
                }
                losses.append(loss)
                let weighted = share * weight, total = weighted + ofLabel
                for c in 0..<classes {
                    let own = share * (weights?[c] ?? 1)
                    let slope = (-own).addingProduct(total, exponentials.e[c] / exponentials.sum)
                    gradient.append(c == label ? slope - ofLabel : slope)
                }
            }
            let found = Buffer(rows), inPlace = Buffer(x)
            kernels.softmax_cross_entropy_smoothed(
                rows, classes, x, labels, smoothing, weights, found.pointer, nil)
            let comment = "\(classes) classes, smoothing \(smoothing) seed \(random.seed)"
            #expect(firstDifference(losses, found.values) == nil, "without gradient, \(comment)")
            kernels.softmax_cross_entropy_smoothed(
                rows, classes, inPlace.pointer, labels, smoothing, weights, found.pointer, inPlace.pointer)
            #expect(firstDifference(losses, found.values) == nil, "\(comment)")
            #expect(firstDifference(gradient, inPlace.values) == nil, "\(comment)")
            #expect(guardsAreIntact(found, inPlace), "\(comment)")
            if smoothing == 0, weights == nil {
                // Neither smoothing nor weights: the bits of the plain loss.
                var correct = [UInt8](repeating: 0, count: rows)
                let plain = Buffer(rows), plainGradient = Buffer(x.count)
                kernels.softmax_cross_entropy(
                    rows, classes, x, labels, plain.pointer, plainGradient.pointer, &correct)
                #expect(firstDifference(plain.values, losses) == nil, "\(comment)")
                #expect(firstDifference(plainGradient.values, gradient) == nil, "\(comment)")
            }
        }
    }

    @Test("smoothed cross-entropy is PyTorch's, and its gradient the derivative")
    func smoothedDerivative() throws {
        let kernels = try Variants.table(Variants.names[0])
        var random = TestGenerator("derivative of smoothed cross-entropy")
        let classes = 9, label = 4, smoothing = 0.2
        let x = random.floats(classes), weights = (0..<classes).map { Float($0) / 4 }
        func exact(_ x: [Double]) -> Double {
            let logarithm = log(x.reduce(0) { $0 + exp($1) })
            let smooth = (0..<classes).reduce(0.0) { $0 + Double(weights[$1]) * (logarithm - x[$1]) }
            return (1 - smoothing) * Double(weights[label]) * (logarithm - x[label])
                + smoothing / Double(classes) * smooth
        }
        let loss = Buffer(1), gradient = Buffer(classes)
        kernels.softmax_cross_entropy_smoothed(
            1, classes, x, [Int32(label)], Float(smoothing), weights, loss.pointer, gradient.pointer)
        let doubles = x.map(Double.init)
        #expect(abs(Double(loss.values[0]) - exact(doubles)) < 1e-6, "seed \(random.seed)")
        for index in 0..<classes {
            var up = doubles, down = doubles
            up[index] += 1e-5
            down[index] -= 1e-5
            let slope = (exact(up) - exact(down)) / 2e-5
            #expect(abs(Double(gradient.values[index]) - slope) < 1e-6, "[\(index)] seed \(random.seed)")
        }
    }

    struct Elementwise: Sendable, CustomTestStringConvertible {
        let name: String
        let kind: ls_elementwise_loss
        let parameter: Float
        let exact: @Sendable (_ x: Double, _ target: Double) -> Double
        var testDescription: String { name }
    }

    static let elementwise = [
        Elementwise(name: "squared error", kind: LS_SQUARED_ERROR, parameter: 0) { ($0 - $1) * ($0 - $1) },
        Elementwise(name: "absolute error", kind: LS_ABSOLUTE_ERROR, parameter: 0) { abs($0 - $1) },
        Elementwise(name: "Huber", kind: LS_HUBER, parameter: 0.75) {
            let size = abs($0 - $1)
            return size <= 0.75 ? 0.5 * size * size : 0.75 * (size - 0.375)
        },
        Elementwise(name: "binary cross-entropy", kind: LS_BINARY_CROSS_ENTROPY, parameter: 2.5) { x, t in
            2.5 * t * log1p(exp(-x)) + (1 - t) * (x + log1p(exp(-x)))
        },
    ]

    private static func reference(
        _ loss: Elementwise, _ f: ReferenceFunctions, _ x: Float, _ t: Float
    ) -> (value: Float, slope: Float) {
        let d = x - t, p = loss.parameter
        switch loss.kind {
        case LS_SQUARED_ERROR: return (d * d, d + d)
        case LS_ABSOLUTE_ERROR: return (abs(d), d > 0 ? 1 : d < 0 ? -1 : d)
        case LS_HUBER:
            let outside = p * (abs(d) - 0.5 * p), inside = (0.5 * abs(d)) * abs(d)
            return (abs(d) > p ? outside : inside, d > p ? p : d < -p ? -p : d)
        default:
            let rest = f.log1p(f.exp(-abs(x)))
            let ofX = (x > 0 ? x : 0) + rest, ofMinusX = (x < 0 ? -x : 0) + rest
            let positive = p * t, negative = 1 - t, (ofOne, ofZero) = f.sigmoids(x)
            let product = negative * ofX, slope = negative * ofOne
            return (product.addingProduct(positive, ofMinusX), slope.addingProduct(-positive, ofZero))
        }
    }

    @Test("elementwise losses: the specified bits", arguments: elementwise)
    func elementwiseBits(loss: Elementwise) throws {
        let f = try ReferenceFunctions()
        var random = TestGenerator(loss.name)
        for count in LossTests.sizes {
            let rows = count == 100 ? 16 : 3, special = count == 31 ? 12 : 0
            let x = random.floats(rows * count, special: special).map { $0 * 3 }
            let targets = random.floats(rows * count, special: special).map { abs($0) / 2 }
            var losses: [Float] = [], plain: [Float] = [], gradient: [Float] = []
            for row in 0..<rows {
                let terms = (row * count..<(row + 1) * count).map { LossTests.reference(loss, f, x[$0], targets[$0]) }
                losses.append(ReferenceFunctions.stridedSum(count) { $0 + terms[$1].value } / Float(count))
                plain.append(
                    ReferenceFunctions.stridedSum(count, isPlain: true) { $0 + terms[$1].value } / Float(count))
                gradient += terms.map { $0.slope / Float(count) }
            }
            for name in Variants.names {
                let kernels = try Variants.table(name)
                let found = Buffer(rows), inPlace = Buffer(x), apart = Buffer(x.count)
                let comment = "\(name) count \(count) seed \(random.seed)"
                kernels.elementwise_loss(loss.kind, loss.parameter, rows, count, x, targets, found.pointer, nil)
                #expect(firstDifference(losses, found.values) == nil, "without gradient, \(comment)")
                kernels.elementwise_loss(
                    loss.kind, loss.parameter, rows, count, x, targets, found.pointer, apart.pointer)
                #expect(firstDifference(gradient, apart.values) == nil, "\(comment)")
                kernels.elementwise_loss(
                    loss.kind, loss.parameter, rows, count, inPlace.pointer, targets, found.pointer, inPlace.pointer)
                #expect(firstDifference(losses, found.values) == nil, "\(comment)")
                #expect(firstDifference(gradient, inPlace.values) == nil, "\(comment)")
                #expect(guardsAreIntact(found, inPlace, apart), "\(comment)")
                if count == 100 { #expect(firstDifference(plain, found.values) != nil, "\(comment)") }
            }
        }
    }

    @Test("elementwise losses near binary64, gradients their derivatives", arguments: elementwise)
    func elementwiseDerivative(loss: Elementwise) throws {
        let kernels = try Variants.table(Variants.names[0])
        var random = TestGenerator("derivative of \(loss.name)")
        let count = 400
        let x = (0..<count).map { _ in Float.random(in: -9...9, using: &random) }
        let targets = (0..<count).map { _ in Float(random.integer(0...1)) }
        let losses = Buffer(count), gradient = Buffer(count)
        kernels.elementwise_loss(loss.kind, loss.parameter, count, 1, x, targets, losses.pointer, gradient.pointer)
        for index in 0..<count {
            let at = Double(x[index]), t = Double(targets[index]), exact = loss.exact(at, t)
            #expect(
                abs(Double(losses.values[index]) - exact) <= 4 * Double(Float(exact).ulp) + 1e-9 * abs(at),
                "\(at), \(t) seed \(random.seed)")
            guard abs(abs(at - t) - 0.75) > 1e-4, abs(at - t) > 1e-4 else { continue }
            let slope = (loss.exact(at + 1e-5, t) - loss.exact(at - 1e-5, t)) / 2e-5
            #expect(abs(Double(gradient.values[index]) - slope) < 4e-6, "\(at), \(t) seed \(random.seed)")
        }
    }
}
