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

    public var paths: [DataPath] { [.file(images), .file(labels)] }

    public var canonicalDescription: String { "idx" }

    public func open(files: [DataFile], preprocessing: Preprocessing?) throws(CommandError) -> any SampleReader {
        try check(files, "IDX data")
        let images: IDXFormat.Images
        let labels: ArraySlice<UInt8>
        do {
            images = try IDXFormat.images(files[0].bytes)
        } catch {
            throw files[0].refusal("\(error)")
        }
        do {
            labels = try IDXFormat.labels(files[1].bytes)
        } catch {
            throw files[1].refusal("\(error)")
        }
        guard images.count == labels.count else {
            let other = files[0].name.escapedForDisplay()
            throw files[1].refusal(
                "it has \(labels.count) labels for \(images.count) images in “\(other)”; give files that belong together"
            )
        }
        guard images.count > 0 else { throw files[0].refusal("it is empty; training needs at least one sample") }
        return IDXReader(images: images, labels: labels)
    }
}
