internal import LockstepCore

extension Transforms.Transform {
    var name: String {
        switch self {
        case .crop: "crop"
        case .flip: "flip"
        case .rotate: "rotate"
        case .scale: "scale"
        case .brightness: "brightness"
        case .normalize: "normalize"
        }
    }

    var canonicalDescription: String {
        switch self {
        case .crop(let padding): "crop(\(padding))"
        case .flip: "flip"
        case .rotate(let degrees): "rotate(\(degrees))"
        case .scale(let range): "scale(\(range.lowerBound),\(range.upperBound))"
        case .brightness(let range): "brightness(\(range.lowerBound),\(range.upperBound))"
        case .normalize(let mean, let deviation): "normalize(\(mean),\(deviation))"
        }
    }

    /// What is wrong with the settings for images of `shape`; nil where nothing is.
    func flaw(shape: [Int]) -> String? {
        switch self {
        case .crop(let padding):
            padding >= 1 && padding < min(shape[0], shape[1])
                ? nil : "padding \(padding) does not fit images of \(shape[0])×\(shape[1]); give 1 or more, but less"
        case .flip:
            nil
        case .rotate(let degrees):
            degrees > 0 && degrees <= 180 ? nil : "\(degrees) degrees are impossible; give more than 0, at most 180"
        case .scale(let range):
            range.lowerBound >= 0.1 && range.upperBound <= 10
                ? nil : "factors \(range) are impossible; stay from 0.1 to 10"
        case .brightness(let range):
            range.lowerBound >= 0 && range.upperBound <= 100
                ? nil : "factors \(range) are impossible; stay from 0 to 100"
        case .normalize(let mean, let deviation):
            ImagePreprocessing.Normalization(mean: mean, deviation: deviation).flaw(channels: shape[2])
        }
    }

    /// Transforms an image by the random `words`.
    func apply(to image: ImagePixels, _ words: Philox.Block) {
        switch self {
        case .crop(let padding):
            let choices = 2 * padding + 1
            image.move(
                rows: Transforms.Transform.choice(words.x, choices) - padding,
                columns: Transforms.Transform.choice(words.y, choices) - padding)
        case .flip:
            if words.x >> 31 == 1 { image.mirror() }
        case .rotate(let degrees):
            let angle = Transforms.Transform.uniform(words.x, -degrees...degrees)
            image.resample(.rotation(degrees: angle))
        case .scale(let range):
            image.resample(.scaling(by: Transforms.Transform.uniform(words.x, range)))
        case .brightness(let range):
            image.brighten(by: Float(Transforms.Transform.uniform(words.x, range)))
        case .normalize(let mean, let deviation):
            image.normalize(ImagePreprocessing.Normalization(mean: mean, deviation: deviation))
        }
    }

    /// A whole number in 0 ..< count.
    private static func choice(_ word: UInt32, _ count: Int) -> Int { Int((UInt64(word) * UInt64(count)) >> 32) }

    /// A number in `range`, its upper bound all but excluded.
    private static func uniform(_ word: UInt32, _ range: ClosedRange<Double>) -> Double {
        let span = range.upperBound - range.lowerBound
        let offset = Double(Philox.unit(word)) * span
        return range.lowerBound + offset
    }
}
