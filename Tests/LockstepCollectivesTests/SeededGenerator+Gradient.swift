import LockstepTestSupport

extension SeededGenerator {
    /// Floats of very different sizes, so that the order of additions shows.
    mutating func gradient() -> Float {
        let bits = UInt32(truncatingIfNeeded: next())
        let exponent = 110 + (bits >> 9) % 30
        return Float(bitPattern: (bits & 0x8000_0000) | exponent << 23 | (bits & 0x007F_FFFF))
    }

    /// A number in 0..<bound. Less even than the standard library's, and several times faster in a debug build.
    mutating func below(_ bound: Int) -> Int { Int(truncatingIfNeeded: (next() >> 32) % UInt64(bound)) }
}
