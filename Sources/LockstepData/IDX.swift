public import LockstepCore
internal import LockstepFormats

/// Grey images and their labels in the IDX format of MNIST, each file plain or compressed with gzip.
public struct IDX: DataSource, Hashable {
    /// The path of the file of images.
    public var images: String
    /// The path of the file of labels.
    public var labels: String

    public init(images: String, labels: String) {
        self.images = images
        self.labels = labels
    }

    public var files: [String] { [images, labels] }

    public var canonicalDescription: String { "idx" }

    public func open(files: [DataFile]) throws(CommandError) -> any SampleReader {
        guard files.count == 2 else { throw .usage("IDX data has two files, not \(files.count)") }
        let images: IDXFormat.Images
        let labels: ArraySlice<UInt8>
        do {
            images = try IDXFormat.images(files[0].bytes)
        } catch {
            throw IDX.refusal(files[0], "\(error)")
        }
        do {
            labels = try IDXFormat.labels(files[1].bytes)
        } catch {
            throw IDX.refusal(files[1], "\(error)")
        }
        guard images.count == labels.count else {
            let other = files[0].name.escapedForDisplay()
            throw IDX.refusal(
                files[1],
                "it has \(labels.count) labels for \(images.count) images in “\(other)”; give files that belong together"
            )
        }
        guard images.count > 0 else { throw IDX.refusal(files[0], "it is empty; training needs at least one sample") }
        return IDXReader(images: images, labels: labels)
    }

    private static func refusal(_ file: DataFile, _ message: String) -> CommandError {
        .usage("“\(file.name.escapedForDisplay())”: \(message)")
    }
}
