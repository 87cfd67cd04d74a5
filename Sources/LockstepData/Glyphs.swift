public import LockstepCore

/// Handwritten-like digits, 28 × 28 grey pixels, drawn by the program itself. The digits follow one another, so that
/// every class has as many samples as any other.
public struct Glyphs: DataSource, Hashable {
    public typealias Part = DataPart

    /// How many images.
    public var count: Int
    public var part: Part
    /// Of the images, not of the training.
    public var seed: UInt64

    public init(count: Int, part: Part = .train, seed: UInt64 = 1) {
        self.count = count
        self.part = part
        self.seed = seed
    }

    public var paths: [DataPath] { [] }

    public var canonicalDescription: String {
        "glyphs version \(GlyphArtist.version) count \(count) part \(part.rawValue) seed \(seed)"
    }

    public func open(files: [DataFile], preprocessing: Preprocessing?) throws(CommandError) -> any SampleReader {
        try check(files, "glyphs")
        guard (1...Glyphs.maximumCount).contains(count) else {
            throw .usage("glyphs: the count is \(count); give one from 1 to \(Glyphs.maximumCount)")
        }
        return GlyphReader(self)
    }

    private static let maximumCount = 1_000_000_000
}
