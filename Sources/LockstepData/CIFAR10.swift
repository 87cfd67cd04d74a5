public import LockstepCore
internal import LockstepFormats

/// Images of 32 × 32 pixels in ten classes, in the binary files of CIFAR-10, each plain or compressed with gzip.
public struct CIFAR10: DataSource, Hashable {
    /// The files, such as `data_batch_1.bin`, one after the other.
    public var files: [String]

    public init(paths: [String]) { files = paths }

    public var paths: [DataPath] { files.map { .file($0) } }

    public var canonicalDescription: String { "cifar10" }

    public func open(files: [DataFile], preprocessing: Preprocessing?) throws(CommandError) -> any SampleReader {
        try check(files, "CIFAR-10 data")
        guard !files.isEmpty else { throw .usage("CIFAR-10 data: no files named; give at least one") }
        let plane = CIFAR10Format.height * CIFAR10Format.width
        var pixels: [UInt8] = []
        var labels: [Int32] = []
        for file in files {
            let contents = try file.contents()
            let images: CIFAR10Format.Images
            do {
                images = try CIFAR10Format.read(contents)
            } catch {
                throw file.refusal("\(error)")
            }
            for index in 0..<images.count {
                let planes = images.pixels(index)
                for pixel in planes.startIndex..<planes.startIndex + plane {
                    pixels.append(planes[pixel])
                    pixels.append(planes[pixel + plane])
                    pixels.append(planes[pixel + 2 * plane])
                }
                labels.append(Int32(images.label(index)))
            }
        }
        return ImageBytesReader(
            shape: [CIFAR10Format.height, CIFAR10Format.width, CIFAR10Format.channels], pixels: pixels, labels: labels,
            classNames: CIFAR10Format.classes)
    }
}
