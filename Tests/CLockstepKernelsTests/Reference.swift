import CLockstepKernels

/// The contract of `docs/arithmetic.md`, written as slowly and plainly as possible.
enum Reference {
    /// What a canary bends.
    struct Rule {
        var chunk = 512
        var positions = 256
        var isReversed = false
        var isLinearOverLanes = false
    }

    /// Σ of `count` terms as chains in chunks, the chunks added in order.
    static func chain(_ count: Int, rule: Rule = Rule(), term: (Int) -> (Float, Float)) -> Float {
        var total: Float = 0
        var start = 0
        repeat {
            let end = min(start + rule.chunk, count)
            var sum: Float = 0
            for step in start..<end {
                let (a, b) = term(rule.isReversed ? end - 1 - (step - start) : step)
                sum = sum.addingProduct(a, b)
            }
            total = start == 0 ? sum : total + sum
            start = end
        } while start < count
        return total
    }

    static func tree(_ values: ArraySlice<Float>, rule: Rule = Rule()) -> Float {
        if rule.isLinearOverLanes { return values.dropFirst().reduce(values[values.startIndex], +) }
        guard values.count > 1 else { return values[values.startIndex] }
        var half = 1
        while half * 2 < values.count { half *= 2 }
        let middle = values.startIndex + half
        return tree(values[..<middle]) + tree(values[middle...])
    }

    static func relu(_ x: Float) -> Float { x < 0 ? 0 : x }

    /// a is m × k with `stride` between rows, b(p, j) the right operand.
    static func product(
        m: Int, n: Int, k: Int, a: [Float], stride: Int, bias: [Float]?, isRelu: Bool, rule: Rule = Rule(),
        b: (Int, Int) -> Float
    ) -> [Float] {
        var c: [Float] = []
        for i in 0..<m {
            for j in 0..<n {
                var value = chain(k, rule: rule) { (a[i * stride + $0], b($0, j)) }
                if let bias { value = value + bias[j] }
                c.append(isRelu ? relu(value) : value)
            }
        }
        return c
    }

    /// The tree over lanes of chains over each lane's rows.
    static func overLanes(_ starts: [UInt32], rule: Rule = Rule(), term: (Int) -> (Float, Float)) -> Float {
        let lanes = (0..<starts.count - 1).map { lane in
            chain(Int(starts[lane + 1] - starts[lane]), rule: rule) { term(Int(starts[lane]) + $0) }
        }
        return tree(lanes[...], rule: rule)
    }

    static func convolutionForward(
        _ s: ls_convolution, images: Int, x: [Float], weights: [Float], bias: [Float]?, isRelu: Bool,
        isChannelFirst: Bool = false
    ) -> [Float] {
        if s.usesSquares {
            let chains = squares(
                images: images, rows: s.outputHeight, columns: s.outputWidth, inputs: s.channels, outputs: s.outputs,
                weight: { o, c, tap in weights[s.weightIndex(o, c, tap / 3, tap % 3)] },
                input: { image, row, column, c in
                    let y = row - s.padding, across = column - s.padding
                    guard (0..<s.height).contains(y), (0..<s.width).contains(across) else { return 0 }
                    return x[s.inputIndex(image, y, across, c)]
                })
            return chains.indices.map { index in
                let value = bias.map { chains[index] + $0[index % s.outputs] } ?? chains[index]
                return isRelu ? relu(value) : value
            }
        }
        var y: [Float] = []
        for image in 0..<images {
            for row in 0..<s.outputHeight {
                for column in 0..<s.outputWidth {
                    for output in 0..<s.outputs {
                        var sum: Float = 0
                        func add(_ ky: Int, _ kx: Int, _ c: Int) {
                            sum = sum.addingProduct(
                                s.input(x, image, row, column, ky, kx, c),
                                weights[s.weightIndex(output, c, ky, kx)])
                        }
                        if isChannelFirst {
                            for c in 0..<s.channels {
                                for ky in 0..<s.kernel_height { for kx in 0..<s.kernel_width { add(ky, kx, c) } }
                            }
                        } else {
                            for ky in 0..<s.kernel_height {
                                for kx in 0..<s.kernel_width { for c in 0..<s.channels { add(ky, kx, c) } }
                            }
                        }
                        if let bias { sum = sum + bias[output] }
                        y.append(isRelu ? relu(sum) : sum)
                    }
                }
            }
        }
        return y
    }

    static func convolutionDataGradient(_ s: ls_convolution, images: Int, dy: [Float], weights: [Float]) -> [Float] {
        if s.usesSquares {
            return squares(
                images: images, rows: s.height, columns: s.width, inputs: s.outputs, outputs: s.channels,
                weight: { channel, o, tap in weights[s.weightIndex(o, channel, 2 - tap / 3, 2 - tap % 3)] },
                input: { image, row, column, o in
                    let y = row + s.padding - 2, across = column + s.padding - 2
                    guard (0..<s.outputHeight).contains(y), (0..<s.outputWidth).contains(across) else { return 0 }
                    return dy[s.outputIndex(image, y, across, o)]
                })
        }
        var dx: [Float] = []
        for image in 0..<images {
            for row in 0..<s.height {
                for column in 0..<s.width {
                    for channel in 0..<s.channels {
                        var sum: Float = 0
                        for ky in (0..<s.kernel_height).reversed() {
                            for kx in (0..<s.kernel_width).reversed() {
                                let y = row + s.padding - ky, x = column + s.padding - kx
                                guard y % s.stride == 0, x % s.stride == 0 else { continue }
                                let isInside =
                                    y >= 0 && y / s.stride < s.outputHeight && x >= 0 && x / s.stride < s.outputWidth
                                for output in 0..<s.outputs {
                                    sum = sum.addingProduct(
                                        isInside ? dy[s.outputIndex(image, y / s.stride, x / s.stride, output)] : 0,
                                        weights[s.weightIndex(output, channel, ky, kx)])
                                }
                            }
                        }
                        dx.append(sum)
                    }
                }
            }
        }
        return dx
    }

    /// A 3 × 3 convolution in squares of 2 × 2 outputs; `input` knows rows and columns from the first that is read.
    static func squares(
        images: Int, rows: Int, columns: Int, inputs: Int, outputs: Int, rule: Rule = Rule(),
        weight: (_ output: Int, _ input: Int, _ tap: Int) -> Float,
        input: (_ image: Int, _ row: Int, _ column: Int, _ input: Int) -> Float
    ) -> [Float] {
        /// Along each column, then along each row, of a matrix of `width` columns.
        func transform(_ matrix: [Float], width: Int, _ line: ([Float]) -> [Float]) -> [Float] {
            let height = matrix.count / width
            let down = (0..<width).map { j in line((0..<height).map { matrix[$0 * width + j] }) }
            return down[0].indices.flatMap { i in line(down.map { $0[i] }) }
        }
        let transformedWeights = (0..<outputs).map { o in
            (0..<inputs).map { c in
                transform((0..<9).map { weight(o, c, $0) }, width: 3) { g in
                    [g[0], 0.5 * ((g[0] + g[2]) + g[1]), 0.5 * ((g[0] + g[2]) - g[1]), g[2]]
                }
            }
        }
        var y = [Float](repeating: 0, count: images * rows * columns * outputs)
        for image in 0..<images {
            for row in stride(from: 0, to: rows, by: 2) {
                for column in stride(from: 0, to: columns, by: 2) {
                    let square = (0..<inputs).map { c in
                        transform((0..<16).map { input(image, row + $0 / 4, column + $0 % 4, c) }, width: 4) { d in
                            [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]
                        }
                    }
                    for o in 0..<outputs {
                        let products = (0..<16).map { e in
                            chain(inputs, rule: rule) { (square[$0][e], transformedWeights[o][$0][e]) }
                        }
                        let results = transform(products, width: 4) { m in
                            [(m[0] + m[1]) + m[2], (m[1] - m[2]) - m[3]]
                        }
                        for i in 0..<4 where row + i / 2 < rows && column + i % 2 < columns {
                            y[((image * rows + row + i / 2) * columns + column + i % 2) * outputs + o] = results[i]
                        }
                    }
                }
            }
        }
        return y
    }

    /// One weight's gradient, or the bias's where `x` gives 1.
    static func overPositions(
        _ s: ls_convolution, starts: [UInt32], rule: Rule = Rule(),
        term: (_ image: Int, _ row: Int, _ column: Int) -> (Float, Float)
    ) -> Float {
        let chunkRows = max(1, rule.positions / s.outputWidth)
        let lanes = (0..<starts.count - 1).map { lane in
            var total: Float?
            for image in starts[lane]..<starts[lane + 1] {
                for first in stride(from: 0, to: s.outputHeight, by: chunkRows) {
                    var sum: Float = 0
                    for row in first..<min(first + chunkRows, s.outputHeight) {
                        for column in 0..<s.outputWidth {
                            let (a, b) = term(Int(image), row, column)
                            sum = sum.addingProduct(a, b)
                        }
                    }
                    total = total.map { $0 + sum } ?? sum
                }
            }
            return total ?? 0
        }
        return tree(lanes[...], rule: rule)
    }

    static func convolutionWeightGradient(
        _ s: ls_convolution, x: [Float], dy: [Float], starts: [UInt32], rule: Rule = Rule()
    ) -> [Float] {
        var weights: [Float] = []
        for output in 0..<s.outputs {
            for channel in 0..<s.channels {
                for ky in 0..<s.kernel_height {
                    for kx in 0..<s.kernel_width {
                        weights.append(
                            overPositions(s, starts: starts, rule: rule) { image, row, column in
                                (
                                    s.input(x, image, row, column, ky, kx, channel),
                                    dy[s.outputIndex(image, row, column, output)]
                                )
                            })
                    }
                }
            }
        }
        return weights
    }
}

extension ls_convolution {
    var outputHeight: Int { (height + 2 * padding - kernel_height) / stride + 1 }
    var outputWidth: Int { (width + 2 * padding - kernel_width) / stride + 1 }
    /// Computed in squares: see `docs/arithmetic.md`.
    var usesSquares: Bool {
        kernel_height == 3 && kernel_width == 3 && stride == 1 && padding <= 2 && channels >= 64 && outputs >= 64
    }
    var inputCount: Int { height * width * channels }
    var outputCount: Int { outputHeight * outputWidth * outputs }
    var weightCount: Int { outputs * channels * kernel_height * kernel_width }

    /// What a tap of an output reads: padding is zero.
    func input<Number: FloatingPoint>(
        _ x: [Number], _ image: Int, _ row: Int, _ column: Int, _ ky: Int, _ kx: Int, _ channel: Int
    ) -> Number {
        let y = row * stride + ky - padding, across = column * stride + kx - padding
        guard (0..<height).contains(y), (0..<width).contains(across) else { return 0 }
        return x[inputIndex(image, y, across, channel)]
    }
    func inputIndex(_ image: Int, _ row: Int, _ column: Int, _ channel: Int) -> Int {
        ((image * height + row) * width + column) * channels + channel
    }
    func outputIndex(_ image: Int, _ row: Int, _ column: Int, _ output: Int) -> Int {
        ((image * outputHeight + row) * outputWidth + column) * outputs + output
    }
    func weightIndex(_ output: Int, _ channel: Int, _ ky: Int, _ kx: Int) -> Int {
        ((output * channels + channel) * kernel_height + ky) * kernel_width + kx
    }
}
