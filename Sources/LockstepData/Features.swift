public import LockstepCore

/// Points on two sides of a plane through the origin of many inputs, each uniform in −1 ..< 1; the value is 1 on one
/// side and 0 on the other. The plane belongs to the seed.
public struct Features: DataSource, Hashable {
    /// How many points.
    public var count: Int
    /// How many numbers each has.
    public var inputs: Int
    public var part: DataPart
    /// Of the points and the plane, not of the training.
    public var seed: UInt64

    public init(count: Int, inputs: Int = 3, part: DataPart = .train, seed: UInt64 = 1) {
        self.count = count
        self.inputs = inputs
        self.part = part
        self.seed = seed
    }

    public var paths: [DataPath] { [] }

    public var canonicalDescription: String {
        "features version 1 count \(count) inputs \(inputs) part \(part.rawValue) seed \(seed)"
    }

    public func open(files: [DataFile], preprocessing: Preprocessing?) throws(CommandError) -> any SampleReader {
        try check(files, "features")
        try GeneratedReader.check((1...65_536).contains(inputs), "features: \(inputs) inputs; give from 1 to 65536")
        let generator = Philox(seed: seed, purpose: .generatedData)
        let site = GeneratorSite.features.samples(of: part)
        var plane = SampleRandom(generator, site: GeneratorSite.features.shared, index: 0)
        let weights = (0..<inputs).map { _ in plane.uniform(-1, 1) }
        return try GeneratedReader(canonicalDescription, count: count, inputShape: [inputs], target: .values(1)) {
            sample, input, target in
            var random = SampleRandom(generator, site: site, index: UInt64(sample))
            var sum: Float = 0
            for (index, weight) in weights.enumerated() {
                let number = random.uniform(-1, 1)
                input[index] = number
                let product = weight * number
                sum += product
            }
            target.storeBytes(of: sum > 0 ? 1 : 0, as: Float.self)
        }
    }
}
