internal import LockstepFormats

/// Resizes images with a triangle filter that widens where an image shrinks, columns first, then rows. Weights and sums
/// are doubles, rounded after every operation; results are rounded to whole numbers once, halves up.
enum ImageResize {
    /// Any change of a result is a new version.
    static let version = 1

    static func resized(_ image: PNGImage, height: Int, width: Int) -> PNGImage {
        guard (height, width) != (image.height, image.width) else { return image }
        let channels = image.channels
        let columns = (0..<width).map { taps(of: $0, from: image.width, to: width) }
        let rows = (0..<height).map { taps(of: $0, from: image.height, to: height) }
        var narrowed = [Double](repeating: 0, count: image.height * width * channels)
        for row in 0..<image.height {
            for (column, taps) in columns.enumerated() {
                for channel in 0..<channels {
                    var sum = 0.0
                    for (place, weight) in taps.weights.enumerated() {
                        let source = (row * image.width + taps.first + place) * channels + channel
                        let product = Double(image.pixels[source]) * weight
                        sum += product
                    }
                    narrowed[(row * width + column) * channels + channel] = sum
                }
            }
        }
        var pixels = [UInt8](repeating: 0, count: height * width * channels)
        let line = width * channels
        for (row, taps) in rows.enumerated() {
            for element in 0..<line {
                var sum = 0.5
                for (place, weight) in taps.weights.enumerated() {
                    let product = narrowed[(taps.first + place) * line + element] * weight
                    sum += product
                }
                pixels[row * line + element] = UInt8(max(0, min(255, sum)))
            }
        }
        return PNGImage(height: height, width: width, channels: channels, pixels: pixels)
    }

    /// Which old pixels make a new one, and how much each counts.
    private struct Taps {
        let first: Int
        let weights: [Double]
    }

    private static func taps(of index: Int, from old: Int, to new: Int) -> Taps {
        let ratio = Double(old) / Double(new)
        let support = max(1, ratio)
        let centre = (Double(index) + 0.5) * ratio
        let first = max(0, Int(centre - support))
        let last = min(old - 1, Int(centre + support))
        var weights: [Double] = []
        var sum = 0.0
        for place in first...last {
            let distance = abs(Double(place) + 0.5 - centre) / support
            let weight = max(0, 1 - distance)
            weights.append(weight)
            sum += weight
        }
        return Taps(first: first, weights: weights.map { $0 / sum })
    }
}
