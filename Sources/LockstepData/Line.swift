public import LockstepCore

/// Points beside a straight line: one input x, uniform in −1 ..< 1, and the value intercept + slope · x + noise.
public struct Line: DataSource, Hashable {
    /// How many points.
    public var count: Int
    public var slope: Double
    public var intercept: Double
    /// The standard deviation of what is added to the values; bell-shaped.
    public var noise: Double
    public var part: DataPart
    /// Of the points, not of the training.
    public var seed: UInt64

    public init(
        count: Int, slope: Double = 3, intercept: Double = 2, noise: Double = 0.1, part: DataPart = .train,
        seed: UInt64 = 1
    ) {
        self.count = count
        self.slope = slope
        self.intercept = intercept
        self.noise = noise
        self.part = part
        self.seed = seed
    }

    public var paths: [DataPath] { [] }

    public var canonicalDescription: String {
        "line version 1 count \(count) slope \(slope) intercept \(intercept) noise \(noise) part \(part.rawValue) "
            + "seed \(seed)"
    }

    public func open(files: [DataFile], preprocessing: Preprocessing?) throws(CommandError) -> any SampleReader {
        try check(files, "line")
        try GeneratedReader.check(
            [slope, intercept, noise].allSatisfy { $0.magnitude <= 1e30 } && noise >= 0,
            "line: slope \(slope), intercept \(intercept) or noise \(noise) is impossible; give finite numbers")
        let generator = Philox(seed: seed, purpose: .generatedData)
        let site = GeneratorSite.line.samples(of: part)
        let (slope, intercept, noise) = (Float(slope), Float(intercept), Float(noise))
        return try GeneratedReader(canonicalDescription, count: count, inputShape: [1], target: .values(1)) {
            sample, input, target in
            var random = SampleRandom(generator, site: site, index: UInt64(sample))
            let x = random.uniform(-1, 1)
            let rise = slope * x
            let value = intercept + rise
            input.pointee = x
            target.storeBytes(of: value + random.bell(noise), as: Float.self)
        }
    }
}
