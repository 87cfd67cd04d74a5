import CLockstepKernels
import Testing

@Suite("Pooling") struct PoolingTests {
    /// One output and the cells of its window inside the image.
    struct Window {
        /// Index into the input, and place inside the window.
        var cells: [(index: Int, place: Int)]
    }

    private static func randomShape(_ random: inout TestGenerator) -> ls_pooling {
        let kernel = random.integer(1...4)
        let padding = random.integer(0...kernel - 1)
        return ls_pooling(
            height: max(1, kernel - 2 * padding) + random.integer(0...6),
            width: max(1, kernel - 2 * padding) + random.integer(0...6), channels: random.integer(1...37),
            kernel: kernel, stride: random.integer(1...4), padding: padding)
    }

    /// Windows in order of outputs: image, row, column, channel.
    private static func windows(_ s: ls_pooling, images: Int) -> [Window] {
        var windows: [Window] = []
        for image in 0..<images {
            for row in 0..<(s.height + 2 * s.padding - s.kernel) / s.stride + 1 {
                for column in 0..<(s.width + 2 * s.padding - s.kernel) / s.stride + 1 {
                    for channel in 0..<s.channels {
                        var window = Window(cells: [])
                        for place in 0..<s.kernel * s.kernel {
                            let y = row * s.stride + place / s.kernel - s.padding
                            let x = column * s.stride + place % s.kernel - s.padding
                            guard (0..<s.height).contains(y), (0..<s.width).contains(x) else { continue }
                            window.cells.append((((image * s.height + y) * s.width + x) * s.channels + channel, place))
                        }
                        windows.append(window)
                    }
                }
            }
        }
        return windows
    }

    @Test(
        "max pooling and its gradient: windows that overlap, leave gaps or reach into padding",
        arguments: Variants.names)
    func maximum(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("max pooling, \(name)")
        for round in 0..<60 {
            var s = PoolingTests.randomShape(&random)
            if round % 3 == 0 {
                s.padding = 0
                s.height += s.kernel
                s.width += s.kernel
                s.stride = round % 2 == 0 ? s.kernel : s.stride
            }
            let images = random.integer(1...2), windows = PoolingTests.windows(s, images: images)
            // Few different values make ties; all negative ones show a padded zero.
            let x = (0..<images * s.height * s.width * s.channels).map { _ -> Float in
                let value = random.integer(-4...(round % 4 == 1 ? -1 : 4))
                return value == 4 && round % 2 == 0 ? .nan : Float(value) / 2
            }
            let dy = random.floats(windows.count, special: round % 3 == 0 ? 10 : 0)
            var y: [Float] = [], winners: [UInt8] = []
            var dx = [Float](repeating: 0, count: x.count)
            for (output, window) in windows.enumerated() {
                let first = try #require(window.cells.first)
                let winner = window.cells.dropFirst().reduce(first) { x[$1.index] > x[$0.index] ? $1 : $0 }
                y.append(x[winner.index])
                winners.append(UInt8(winner.place))
                dx[winner.index] += dy[output]
            }
            let yBuffer = Buffer(y.count), dxBuffer = Buffer(x.count)
            var found = [UInt8](repeating: 255, count: y.count)
            kernels.max_pool(&s, images, x, yBuffer.pointer, &found)
            kernels.max_pool_gradient(&s, images, dy, winners, dxBuffer.pointer)
            let comment = "\(s) seed \(random.seed)"
            #expect(firstDifference(y, yBuffer.values) == nil, "\(comment)")
            #expect(found == winners, "\(comment)")
            #expect(firstDifference(dx, dxBuffer.values) == nil, "\(comment)")
            #expect(yBuffer.guardsAreIntact && dxBuffer.guardsAreIntact, "\(comment)")
        }
    }

    @Test("average pooling and its gradient; padded zeros count", arguments: Variants.names)
    func average(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("average pooling, \(name)")
        var isPaddingSeen = false
        for round in 0..<40 {
            var s = PoolingTests.randomShape(&random)
            let images = random.integer(1...2), windows = PoolingTests.windows(s, images: images)
            let special = round % 3 == 0 ? 12 : 0
            let x = random.floats(images * s.height * s.width * s.channels, special: special)
            let dy = random.floats(windows.count, special: special)
            let cells = Float(s.kernel * s.kernel)
            let y = windows.map { window in window.cells.reduce(Float(0)) { $0 + x[$1.index] } / cells }
            var dx = [Float](repeating: 0, count: x.count)
            for (output, window) in windows.enumerated() {
                for cell in window.cells { dx[cell.index] += dy[output] / cells }
            }
            let yBuffer = Buffer(y.count), dxBuffer = Buffer(x.count)
            kernels.average_pool(&s, images, x, yBuffer.pointer)
            kernels.average_pool_gradient(&s, images, dy, dxBuffer.pointer)
            let comment = "\(s) seed \(random.seed)"
            #expect(firstDifference(y, yBuffer.values) == nil, "\(comment)")
            #expect(firstDifference(dx, dxBuffer.values) == nil, "\(comment)")
            #expect(yBuffer.guardsAreIntact && dxBuffer.guardsAreIntact, "\(comment)")
            // The canary: a mean over the cells inside the image is another number.
            if s.padding > 0, special == 0 {
                isPaddingSeen = true
                let inside = windows.map { window in
                    window.cells.reduce(Float(0)) { $0 + x[$1.index] } / Float(window.cells.count)
                }
                #expect(firstDifference(inside, yBuffer.values) != nil, "\(comment)")
            }
        }
        #expect(isPaddingSeen)
    }
}
