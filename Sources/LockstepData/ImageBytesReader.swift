internal import LockstepCore

/// Images and their classes, kept as bytes.
struct ImageBytesReader: SampleReader {
    let inputShape: [Int]
    let preprocessing: Preprocessing
    let greatestLabelSample: Int
    let contentDigest: Digest
    private let pixels: [UInt8]
    private let labels: [Int32]

    /// - Parameters:
    ///   - shape: height, width, channels.
    ///   - pixels: image after image.
    ///   - labels: as many as there are images, at least one; numbers of `classNames`.
    init(shape: [Int], pixels: [UInt8], labels: [Int32], classNames: [String]) {
        inputShape = shape
        self.pixels = pixels
        self.labels = labels
        preprocessing = Preprocessing(
            inputShape: shape, target: .classes(classNames.count), classNames: classNames,
            images: ImagePreprocessing())
        greatestLabelSample = labels.max().flatMap { labels.firstIndex(of: $0) } ?? 0
        var digest = DigestBuilder()
        digest.update("images of named classes")
        digest.update(UInt64(labels.count))
        for extent in shape { digest.update(UInt64(extent)) }
        digest.update(classNames)
        digest.update(pixels)
        for label in labels { digest.update(label) }
        contentDigest = digest.finalize()
    }

    var count: Int { labels.count }
    var target: SampleTarget { preprocessing.target }

    func read(_ sample: Int, input: UnsafeMutablePointer<Float>, target: UnsafeMutableRawPointer) {
        pixels.withUnsafeBufferPointer { pixels in
            let first = sample * inputCount
            PixelScale.write(UnsafeBufferPointer(rebasing: pixels[first..<first + inputCount]), to: input)
        }
        target.storeBytes(of: labels[sample], as: Int32.self)
    }
}
