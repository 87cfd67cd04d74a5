public import LockstepCore

/// Images of random numbers, each uniform in 0 ..< 1. There is nothing to learn in them: they are for measuring, and held
/// in memory so that reading one costs no more than a copy.
public struct RandomImages: DataSource, Hashable {
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
        count: Int, height: Int, width: Int, channels: Int, classes: Int, part: DataPart = .train, seed: UInt64 = 1
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
        "random images version 1 count \(count) height \(height) width \(width) channels \(channels) classes \(classes) "
            + "part \(part.rawValue) seed \(seed)"
    }

    /// All images together are held in memory.
    private static let maximumPixels = 1 << 28

    public func open(files: [DataFile], preprocessing: Preprocessing?) throws(CommandError) -> any SampleReader {
        try check(files, "randomImages")
        try GeneratedReader.check(
            (1...4096).contains(height) && (1...4096).contains(width) && (1...16).contains(channels)
                && (1...1 << 20).contains(classes),
            "randomImages: \(classes) classes of \(height)×\(width)×\(channels) are impossible; give up to 4096×4096×16"
        )
        let size = height * width * channels
        try GeneratedReader.check(
            count <= RandomImages.maximumPixels / size,
            "randomImages: \(count) images of \(size) numbers do not fit into 1 GiB; give at most \(RandomImages.maximumPixels / size)"
        )
        let generator = Philox(seed: seed, purpose: .generatedData)
        let site = GeneratorSite.randomImages.samples(of: part)
        var pixels: [Float] = []
        pixels.reserveCapacity(max(0, count) * size)
        for sample in 0..<max(0, count) {
            var random = SampleRandom(generator, site: site, index: UInt64(sample))
            for _ in 0..<size { pixels.append(Philox.unit(random.word())) }
        }
        let (classes, drawn) = (classes, pixels)
        return try GeneratedReader(
            canonicalDescription, count: count, inputShape: [height, width, channels], target: .classes(classes)
        ) { sample, input, target in
            drawn.withUnsafeBufferPointer { drawn in
                if let start = drawn.baseAddress { input.update(from: start + sample * size, count: size) }
            }
            target.storeBytes(of: Int32(truncatingIfNeeded: sample % classes), as: Int32.self)
        }
    }
}
