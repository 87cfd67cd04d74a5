internal import LockstepCore

/// The random numbers of one sample, drawn one after the other from its own stream.
struct SampleRandom {
    private let generator: Philox
    private let site: UInt32
    private let index: UInt64
    private var block: Philox.Block = .zero
    private var drawn: UInt32 = 0

    init(_ generator: Philox, site: UInt32, index: UInt64) {
        self.generator = generator
        self.site = site
        self.index = index
    }

    mutating func word() -> UInt32 {
        let lane = Int(drawn % 4)
        if lane == 0 {
            block = generator.block([
                drawn / 4, site, UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32),
            ])
        }
        drawn += 1
        return block[lane]
    }

    /// A whole number in 0 ..< bound, which is small.
    mutating func choice(_ bound: Int) -> Int { (Int(word() >> 8) * bound) >> 24 }

    /// Uniform in lower ..< upper.
    mutating func uniform(_ lower: Float, _ upper: Float) -> Float {
        let offset = Philox.unit(word()) * (upper - lower)
        return lower + offset
    }

    /// Bell-shaped around 0 with the given standard deviation; never beyond 3.5 times it.
    mutating func bell(_ deviation: Float) -> Float {
        let sum = uniform(-1, 1) + uniform(-1, 1) + uniform(-1, 1) + uniform(-1, 1)
        return sum * (deviation * 0.866_025_4)
    }
}
