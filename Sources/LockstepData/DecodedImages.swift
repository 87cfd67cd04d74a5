internal import LockstepCore
internal import LockstepFormats

/// Images of PNG files, brought to one shape.
struct DecodedImages {
    /// Height, width, channels.
    let shape: [Int]
    /// Image after image.
    let pixels: [UInt8]

    /// - Parameter files: at least one.
    /// - Throws: a usage error that names the file.
    init(_ files: [DataFile], size: ImageSize) throws(CommandError) {
        var images: [PNGImage] = []
        var byteCount = 0
        for file in files {
            let image = DecodedImages.resized(try DecodedImages.decoded(file), size)
            if let first = images.first, (image.height, image.width) != (first.height, first.width) {
                throw file.refusal(
                    "it has \(image.height)×\(image.width) pixels, “\(files[0].name.escapedForDisplay())” has \(first.height)×\(first.width); give height and width to bring all to one size"
                )
            }
            byteCount += image.pixels.count
            guard byteCount <= DataFile.maximumBytes else {
                throw file.refusal("the images before it take \(DataFile.maximumBytes) bytes, which is the limit")
            }
            images.append(image)
        }
        let channels = size.channels ?? (images.contains { $0.channels > 2 } ? 3 : 1)
        guard let first = images.first else { throw .usage("there are no images") }
        shape = [first.height, first.width, channels]
        var pixels: [UInt8] = []
        pixels.reserveCapacity(images.count * first.height * first.width * channels)
        for image in images { pixels += image.converted(toChannels: channels).pixels }
        self.pixels = pixels
    }

    private static func decoded(_ file: DataFile) throws(CommandError) -> PNGImage {
        guard PNGFormat.isPNG(file.bytes) else {
            throw file.refusal("it is no PNG image; convert it to PNG or remove it")
        }
        do {
            return try PNGFormat.decode(file.bytes, maximumPixels: ImageSize.maximumPixels)
        } catch {
            throw file.refusal("\(error)")
        }
    }

    private static func resized(_ image: PNGImage, _ size: ImageSize) -> PNGImage {
        let opaque = size.channels.map { image.converted(toChannels: $0) } ?? image
        guard let height = size.height, let width = size.width else { return opaque }
        return ImageResize.resized(opaque, height: height, width: width)
    }
}
