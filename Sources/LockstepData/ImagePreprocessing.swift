/// How images become inputs.
public struct ImagePreprocessing: Sendable, Hashable, Codable {
    /// Bytes are divided by this.
    public var pixelScale: Int
    /// What is done to every image after that.
    public var normalization: Normalization?

    /// A mean to subtract and a deviation to divide by for each channel; one of each serves all channels.
    public struct Normalization: Sendable, Hashable, Codable {
        public var mean: [Double]
        public var deviation: [Double]

        public init(mean: [Double], deviation: [Double]) {
            self.mean = mean
            self.deviation = deviation
        }

        /// What is wrong with it for images of so many channels; nil where nothing is.
        func flaw(channels: Int) -> String? {
            for (name, numbers) in [("mean", mean), ("deviation", deviation)]
            where numbers.count != 1 && numbers.count != channels {
                return "\(name) has \(numbers.count) numbers for \(channels) channels; give one, or one a channel"
            }
            guard mean.allSatisfy({ Float($0).isFinite }) else { return "a mean is not a number" }
            // The reciprocal of a smaller one would overflow.
            guard deviation.allSatisfy({ Float($0).isFinite && Float($0) >= 1e-30 }) else {
                return "a deviation is not above 0"
            }
            return nil
        }
    }

    public init(pixelScale: Int = 255, normalization: Normalization? = nil) {
        self.pixelScale = pixelScale
        self.normalization = normalization
    }

    func isSound(channels: Int) -> Bool {
        pixelScale == 255 && normalization.map { $0.flaw(channels: channels) == nil } ?? true
    }
}
