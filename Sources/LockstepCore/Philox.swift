/// Philox4x32-10, the counter-based generator of Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (SC11).
///
/// A value is a pure function of key and counter: nothing is drawn in sequence, so no worker, thread or lane can
/// disturb what another draws.
public struct Philox: Sendable {
    public typealias Block = SIMD4<UInt32>

    public let key: SIMD2<UInt32>

    public init(key: SIMD2<UInt32>) { self.key = key }

    /// The generator for one purpose of one seed.
    public init(seed: UInt64, purpose: RandomPurpose) {
        let mixed = Philox(key: [UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)])
            .block([purpose.rawValue, 0, 0, 0x4C6F_636B])
        self.key = [mixed.x, mixed.y]
    }

    /// Four words for one counter.
    public func block(_ counter: Block) -> Block {
        var c = counter
        var k = key
        for round in 0..<10 {
            if round > 0 { k &+= [0x9E37_79B9, 0xBB67_AE85] }
            let (high0, low0) = c.x.multipliedFullWidth(by: 0xD251_1F53)
            let (high1, low1) = c.z.multipliedFullWidth(by: 0xCD9E_8D57)
            c = [high1 ^ c.y ^ k.x, low1, high0 ^ c.w ^ k.y, low0]
        }
        return c
    }

    /// Element `element` of the stream that `site` and `index` name, a uniform number in 0 ..< 1 with 24 bits.
    public func uniform(site: UInt32, index: UInt64, element: UInt32) -> Float {
        let block = block([
            element / 4, site, UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32),
        ])
        return Philox.unit(block[Int(element % 4)])
    }

    /// The upper 24 bits of a word as a number in 0 ..< 1; exact.
    public static func unit(_ word: UInt32) -> Float { Float(word >> 8) * 0x1p-24 }
}

/// What randomness is for. A purpose is part of the key, so streams of different purposes never meet.
public enum RandomPurpose: UInt32, Sendable {
    case initialization = 1
    case shuffle = 2
    case glyphs = 3
    case dropout = 4
    case split = 5
    case augmentation = 6
    case generatedData = 7
    case sampling = 8
    case laneAudit = 9
}
