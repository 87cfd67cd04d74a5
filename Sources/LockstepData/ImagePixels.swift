/// An image in memory that belongs to someone else: height × width × channels.
///
/// Its operations are single correctly rounded steps on 32-bit floats, so they give the same bits everywhere.
struct ImagePixels {
    let pixels: UnsafeMutablePointer<Float>
    let height: Int
    let width: Int
    let channels: Int

    /// - Parameter shape: height, width, channels.
    init(_ pixels: UnsafeMutablePointer<Float>, shape: [Int]) {
        self.pixels = pixels
        height = shape[0]
        width = shape[1]
        channels = shape[2]
    }

    private var count: Int { height * width * channels }

    /// Gives `body` a copy of the image, so that the image can be overwritten.
    private func withCopy(_ body: (UnsafeMutablePointer<Float>) -> Void) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { copy in
            guard let copy = copy.baseAddress else { return }
            copy.initialize(from: pixels, count: count)
            body(copy)
        }
    }

    /// Pixel (y, x) becomes what was pixel (y + rows, x + columns), or 0 where there was none.
    func move(rows: Int, columns: Int) {
        guard rows != 0 || columns != 0 else { return }
        let targets = max(0, -columns)..<max(0, min(width, width - columns))
        withCopy { copy in
            for row in 0..<height {
                let output = pixels + row * width * channels
                output.update(repeating: 0, count: width * channels)
                let source = row + rows
                guard source >= 0, source < height, !targets.isEmpty else { continue }
                (output + targets.lowerBound * channels).update(
                    from: copy + (source * width + targets.lowerBound + columns) * channels,
                    count: targets.count * channels)
            }
        }
    }

    /// Left becomes right.
    func mirror() {
        for row in 0..<height {
            let line = pixels + row * width * channels
            for column in 0..<width / 2 {
                for channel in 0..<channels {
                    let left = column * channels + channel
                    let right = (width - 1 - column) * channels + channel
                    (line[left], line[right]) = (line[right], line[left])
                }
            }
        }
    }

    /// Each pixel becomes what stood where `mapping` says, relative to the centre, between four pixels by bilinear
    /// weights; 0 where there was nothing.
    func resample(_ mapping: PlaneMapping) {
        let centreY = Float(height - 1) / 2
        let centreX = Float(width - 1) / 2
        withCopy { copy in
            for row in 0..<height {
                let y = Float(row) - centreY
                for column in 0..<width {
                    let x = Float(column) - centreX
                    let (fromY, fromX) = mapping.source(y: y, x: x)
                    sample(
                        copy, y: fromY + centreY, x: fromX + centreX,
                        into: pixels + (row * width + column) * channels)
                }
            }
        }
    }

    private func sample(
        _ source: UnsafeMutablePointer<Float>, y: Float, x: Float, into output: UnsafeMutablePointer<Float>
    ) {
        guard y > -1, x > -1, y < Float(height), x < Float(width) else {
            output.update(repeating: 0, count: channels)
            return
        }
        let top = y.rounded(.down)
        let left = x.rounded(.down)
        let down = y - top
        let right = x - left
        let up = 1 - down
        let across = 1 - right
        let weights = SIMD4(up * across, up * right, down * across, down * right)
        let (row, column) = (Int(top), Int(left))
        for channel in 0..<channels {
            func value(_ row: Int, _ column: Int) -> Float {
                guard row >= 0, row < height, column >= 0, column < width else { return 0 }
                return source[(row * width + column) * channels + channel]
            }
            let upper0 = value(row, column) * weights[0]
            let upper1 = value(row, column + 1) * weights[1]
            let lower0 = value(row + 1, column) * weights[2]
            let lower1 = value(row + 1, column + 1) * weights[3]
            let upper = upper0 + upper1
            let lower = lower0 + lower1
            output[channel] = upper + lower
        }
    }

    func brighten(by factor: Float) {
        for index in 0..<count {
            let value = pixels[index] * factor
            pixels[index] = value < 0 ? 0 : value > 1 ? 1 : value
        }
    }

    func normalize(_ normalization: ImagePreprocessing.Normalization) {
        let means = normalization.mean.map { Float($0) }
        let deviations = normalization.deviation.map { Float($0) }
        for channel in 0..<channels {
            let mean = means[means.count == 1 ? 0 : channel]
            let deviation = deviations[deviations.count == 1 ? 0 : channel]
            for index in stride(from: channel, to: count, by: channels) {
                let centred = pixels[index] - mean
                pixels[index] = centred / deviation
            }
        }
    }
}
