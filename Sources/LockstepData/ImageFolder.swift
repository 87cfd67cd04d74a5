public import LockstepCore
internal import LockstepFormats

/// A directory of PNG images: one directory a class, named for it.
///
/// Classes are numbered in the order of their names' UTF-8 bytes. Images that are not of the size that is asked for are
/// resized; their transparency is dropped. Hidden files are passed over.
public struct ImageFolder: DataSource, Hashable {
    /// The path of the directory that holds the classes' directories.
    public var path: String
    /// Nil: that of the training images, which must then be of one size.
    public var height: Int?
    public var width: Int?
    /// 1 for grey, 3 for red, green and blue; nil: that of the training images, 3 where any of these has colour.
    public var channels: Int?

    public init(path: String, height: Int? = nil, width: Int? = nil, channels: Int? = nil) {
        self.path = path
        self.height = height
        self.width = width
        self.channels = channels
    }

    public var paths: [DataPath] { [.directory(path)] }

    public var canonicalDescription: String {
        func shown(_ extent: Int?) -> String { extent.map { "\($0)" } ?? "any" }
        return "image folder version \(ImageResize.version) height \(shown(height)) width \(shown(width)) "
            + "channels \(shown(channels))"
    }

    public func open(files: [DataFile], preprocessing: Preprocessing?) throws(CommandError) -> any SampleReader {
        try check(files, "image folder")
        let size = try ImageSize(height: height, width: width, channels: channels, preprocessing: preprocessing)
        let (labels, names) = try ImageFolder.labels(of: files[0], known: preprocessing?.classNames)
        let images = try DecodedImages(files[0].entries.map { $0.named(in: files[0].name) }, size: size)
        return ImageBytesReader(shape: images.shape, pixels: images.pixels, labels: labels, classNames: names)
    }

    /// - Parameter known: the names of the classes, where the training data has fixed them.
    private static func labels(
        of directory: DataFile, known: [String]?
    ) throws(CommandError) -> (labels: [Int32], names: [String]) {
        var names = NameNumbers()
        for name in known ?? [] { _ = names.number(of: name) }
        for entry in directory.entries {
            let parts = entry.name.split(separator: "/")
            guard parts.count == 2 else {
                throw entry.named(in: directory.name).refusal(
                    "it lies in no class's directory; put each image in a directory named for its class, and no directories in that"
                )
            }
            guard let known else {
                names.append(String(parts[0]))
                continue
            }
            guard names.appendKnown(String(parts[0]), below: known.count) else {
                throw entry.named(in: directory.name).refusal(
                    "the training data has no such class; rename its directory")
            }
        }
        guard !names.codes.isEmpty else { throw directory.refusal("there are no images in it") }
        // Entries are sorted, but “a-b/x” stands before “a/x”.
        return known.map { (names.codes, $0) } ?? names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
