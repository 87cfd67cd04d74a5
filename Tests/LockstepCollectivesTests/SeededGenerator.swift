/// SplitMix64: a small generator whose seed a failing test prints.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Floats of very different sizes, so that the order of additions shows.
    mutating func gradient() -> Float {
        let bits = UInt32(truncatingIfNeeded: next())
        let exponent = 110 + (bits >> 9) % 30
        return Float(bitPattern: (bits & 0x8000_0000) | exponent << 23 | (bits & 0x007F_FFFF))
    }
}
