/// A keyed permutation of 0 ..< count, evaluated at any position without a list.
///
/// A balanced Feistel network of eight rounds over the smallest even number of bits that holds `count`, walked until
/// it lands inside (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002). Integers only.
public struct Permutation: Sendable {
    public let count: Int
    let generator: Philox
    let epoch: UInt32
    let halfBits: UInt64
    let mask: UInt64

    /// - Parameters:
    ///   - count: at least 1, below 2⁶².
    ///   - epoch: a permutation of its own for each epoch.
    public init(count: Int, seed: UInt64, epoch: Int) {
        precondition(count > 0, "an empty set has no order")
        self.count = count
        self.generator = Philox(seed: seed, purpose: .shuffle)
        self.epoch = UInt32(truncatingIfNeeded: epoch)
        let bits = UInt64(max(2, Int.bitWidth - (count - 1).leadingZeroBitCount))
        self.halfBits = (bits + 1) / 2
        self.mask = (1 << halfBits) - 1
    }

    /// The element at `position`, which lies in 0 ..< count.
    public subscript(position: Int) -> Int {
        // Beyond the count the walk would never end.
        precondition((0..<count).contains(position), "a position inside the permutation")
        var value = UInt64(position)
        repeat { value = encrypted(value) } while value >= UInt64(count)
        return Int(value)
    }

    private func encrypted(_ value: UInt64) -> UInt64 {
        var left = value >> halfBits
        var right = value & mask
        for round in 0..<8 as Range<UInt32> {
            let word = generator.block([
                UInt32(truncatingIfNeeded: right), UInt32(truncatingIfNeeded: right >> 32), round, epoch,
            ])
            let mixed = UInt64(word.x) | UInt64(word.y) << 32
            (left, right) = (right, left ^ (mixed & mask))
        }
        return left << halfBits | right
    }
}
