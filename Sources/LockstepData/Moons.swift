public import LockstepCore

/// Two half circles that reach into one another, a class each: a table of two inputs that no straight line divides.
public struct Moons: DataSource, Hashable {
    /// How many points; the classes take turns.
    public var count: Int
    /// The standard deviation of what is added to both inputs; bell-shaped. The circles have radius 1.
    public var noise: Double
    public var part: DataPart
    /// Of the points, not of the training.
    public var seed: UInt64

    public init(count: Int, noise: Double = 0.1, part: DataPart = .train, seed: UInt64 = 1) {
        self.count = count
        self.noise = noise
        self.part = part
        self.seed = seed
    }

    public var paths: [DataPath] { [] }

    public var canonicalDescription: String {
        "moons version 1 count \(count) noise \(noise) part \(part.rawValue) seed \(seed)"
    }

    public func open(files: [DataFile], preprocessing: Preprocessing?) throws(CommandError) -> any SampleReader {
        try check(files, "moons")
        try GeneratedReader.check(
            noise >= 0 && noise <= 1e30, "moons: a noise of \(noise) is impossible; give 0 or more")
        let generator = Philox(seed: seed, purpose: .generatedData)
        let site = GeneratorSite.moons.samples(of: part)
        let noise = Float(noise)
        return try GeneratedReader(canonicalDescription, count: count, inputShape: [2], target: .classes(2)) {
            sample, input, target in
            var random = SampleRandom(generator, site: site, index: UInt64(sample))
            let (sine, cosine) = Angle.sineAndCosine(degrees: Double(random.uniform(0, 180)))
            let isLower = sample % 2 == 1
            let x = isLower ? 1 - Float(cosine) : Float(cosine)
            let y = isLower ? 0.5 - Float(sine) : Float(sine)
            input[0] = x + random.bell(noise)
            input[1] = y + random.bell(noise)
            target.storeBytes(of: isLower ? 1 : 0, as: Int32.self)
        }
    }
}
