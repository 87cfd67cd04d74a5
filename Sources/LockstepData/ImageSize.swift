internal import LockstepCore

/// What size images are brought to; nil where they must agree.
struct ImageSize {
    /// More pixels than any image here has.
    static let maximumPixels = 1 << 24

    var height: Int?
    var width: Int?
    var channels: Int?

    /// - Parameter preprocessing: that of the training data, which decides where nothing is given.
    init(height: Int?, width: Int?, channels: Int?, preprocessing: Preprocessing?) throws(CommandError) {
        let shape = preprocessing?.inputShape
        if let shape, shape.count != 3 {
            throw .usage("the training data has samples of shape \(shape), no images; give data of the same kind")
        }
        guard (height == nil) == (width == nil) else {
            throw .usage("images: height or width is missing; give both or neither")
        }
        if let height, let width {
            guard height > 0, width > 0, height <= 1 << 14, width <= 1 << 14, height * width <= ImageSize.maximumPixels
            else { throw .usage("images of \(height)×\(width) pixels are impossible; give another size") }
        }
        guard [nil, 1, 3].contains(channels) else {
            throw .usage("images with \(channels ?? 0) channels are impossible; give 1 for grey or 3 for colour")
        }
        self.height = height ?? shape?[0]
        self.width = width ?? shape?[1]
        self.channels = channels ?? shape?[2]
    }
}
