public import LockstepCore

/// Images of soft patches of colour. Each class has patches of its own; each image shifts them and adds grain.
public struct Patterns: DataSource, Hashable {
    /// How many images; the classes take turns.
    public var count: Int
    public var height: Int
    public var width: Int
    public var channels: Int
    public var classes: Int
    public var part: DataPart
    /// Of the images, not of the training.
    public var seed: UInt64

    public init(
        count: Int, height: Int = 224, width: Int = 224, channels: Int = 3, classes: Int = 1000,
        part: DataPart = .train, seed: UInt64 = 1
    ) {
        self.count = count
        self.height = height
        self.width = width
        self.channels = channels
        self.classes = classes
        self.part = part
        self.seed = seed
    }

    public var paths: [DataPath] { [] }

    public var canonicalDescription: String {
        "patterns version 1 count \(count) height \(height) width \(width) channels \(channels) classes \(classes) "
            + "part \(part.rawValue) seed \(seed)"
    }

    public func open(files: [DataFile], preprocessing: Preprocessing?) throws(CommandError) -> any SampleReader {
        try check(files, "patterns")
        let isPossible =
            (1...4096).contains(height) && (1...4096).contains(width) && (1...16).contains(channels)
            && (1...1 << 20).contains(classes)
        try GeneratedReader.check(
            isPossible,
            "patterns: \(classes) classes of \(height)×\(width)×\(channels) are impossible; give up to 4096×4096×16")
        let artist = PatternArtist(self)
        return try GeneratedReader(
            canonicalDescription, count: count, inputShape: [height, width, channels], target: .classes(classes)
        ) { sample, input, target in
            artist.draw(sample, into: input)
            target.storeBytes(of: Int32(truncatingIfNeeded: sample % artist.classes), as: Int32.self)
        }
    }
}
