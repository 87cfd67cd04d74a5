internal import LockstepCore
internal import LockstepFormats

/// Images and labels of two IDX files, kept as bytes.
struct IDXReader: SampleReader {
    let inputShape: [Int]
    let target: SampleTarget
    let greatestLabelSample: Int
    let contentDigest: Digest
    private let pixels: ArraySlice<UInt8>
    private let labels: ArraySlice<UInt8>
    private let pixelsPerImage: Int

    /// - Parameter labels: as many as there are images, at least one.
    init(images: IDXFormat.Images, labels: ArraySlice<UInt8>) {
        inputShape = [images.height, images.width, 1]
        pixels = images.pixels
        pixelsPerImage = images.height * images.width
        self.labels = labels
        let greatest = labels.max() ?? 0
        target = .classes(Int(greatest) + 1)
        greatestLabelSample = (labels.firstIndex(of: greatest) ?? labels.startIndex) - labels.startIndex

        var digest = DigestBuilder()
        digest.update("images and labels")
        for number in [images.count, images.height, images.width] { digest.update(UInt64(number)) }
        images.pixels.withUnsafeBytes { digest.update($0) }
        labels.withUnsafeBytes { digest.update($0) }
        contentDigest = digest.finalize()
    }

    var count: Int { labels.count }
    var preprocessing: Preprocessing {
        Preprocessing(inputShape: inputShape, target: target, images: ImagePreprocessing())
    }

    func read(_ sample: Int, input: UnsafeMutablePointer<Float>, target: UnsafeMutableRawPointer) {
        pixels.withUnsafeBufferPointer { pixels in
            let first = sample * pixelsPerImage
            PixelScale.write(UnsafeBufferPointer(rebasing: pixels[first..<first + pixelsPerImage]), to: input)
        }
        target.storeBytes(of: Int32(labels[labels.startIndex + sample]), as: Int32.self)
    }
}
