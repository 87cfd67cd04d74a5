/// Sine and cosine without a mathematics library: every operation is rounded once, so every machine has the same bits.
/// They are within 2⁻⁵⁰ of the truth.
enum Angle {
    /// - Parameter degrees: from −180 to 180.
    static func sineAndCosine(degrees: Double) -> (sine: Double, cosine: Double) {
        // Quarter turns are taken off exactly; at most an eighth of a turn remains.
        let quarters = (degrees / 90).rounded(.toNearestOrEven)
        let rest = (degrees - quarters * 90) * (Double.pi / 180)
        let square = rest * rest
        let sine = rest * series(square, sineTerms)
        let cosine = series(square, cosineTerms)
        return switch Int(quarters) {
        case 0: (sine, cosine)
        case 1: (cosine, -sine)
        case -1: (-cosine, sine)
        default: (-sine, -cosine)
        }
    }

    /// ((… + t₂) · x + t₁) · x + t₀.
    private static func series(_ x: Double, _ terms: [Double]) -> Double {
        var sum = 0.0
        for term in terms.reversed() {
            let product = sum * x
            sum = product + term
        }
        return sum
    }

    /// 1/1!, −1/3!, 1/5! …
    private static let sineTerms: [Double] = [
        1, -1 / 6, 1 / 120, -1 / 5040, 1 / 362_880, -1 / 39_916_800, 1 / 6_227_020_800, -1 / 1_307_674_368_000,
    ]

    /// 1/0!, −1/2!, 1/4! …
    private static let cosineTerms: [Double] = [
        1, -1 / 2, 1 / 24, -1 / 720, 1 / 40320, -1 / 3_628_800, 1 / 479_001_600, -1 / 87_178_291_200,
        1 / 20_922_789_888_000,
    ]
}
