import LockstepFormats
import LockstepTestSupport
import Testing

@Suite struct DecimalTextTests {
    private func float(_ text: String) -> Float? { DecimalText.float(Array(text.utf8)[...]) }
    private func double(_ text: String) -> Double? { DecimalText.double(Array(text.utf8)[...]) }
    private func int(_ text: String) -> Int? { DecimalText.int(Array(text.utf8)[...]) }

    @Test func onlyDecimalNumbersAreNumbers() {
        for text in ["1", "+1", "01", "1.", "1.0", " 1\t", "1e0", "10E-1", ".1e+1", "0.00001e5"] {
            #expect(double(text) == 1 && float(text) == 1, "\(text)")
        }
        let others = [
            "", " ", ".", "-", "+", "e5", ".e1", "1e", "1e+", "1e1.", "--1", "+-1", "1 2", "1_000", "1,5", "0x1p3",
            "0x10",
            "nan", "NaN", "inf", "-infinity", "1f", "١", "1\u{0}", "\n1", String(repeating: "1", count: 1201),
        ]
        for text in others { #expect(double(text) == nil && float(text) == nil, "\(text)") }
        #expect(double("-0")?.sign == .minus && float("-0.0")?.sign == .minus)
    }

    @Test func whatIsTooLargeIsNoNumber() {
        #expect(double("1.7976931348623157e308") == .greatestFiniteMagnitude && double("1.8e308") == nil)
        #expect(float("3.40282356e38") == .greatestFiniteMagnitude && float("3.4028236e38") == nil)
        #expect(double("1e99999999999999999999") == nil && double("1e-99999999999999999999") == 0)
        #expect(double("0e99999999999999999999") == 0)
        #expect(int("9223372036854775807") == .max && int("9223372036854775808") == nil && int("1.0") == nil)
        #expect(int(" -7 ") == -7 && int("") == nil && int("0x7") == nil)
    }

    /// Texts whose nearest `Float` is not the one nearest to their nearest `Double`, or which lie at the edges.
    @Test func roundsOnce() {
        let middle = "1.000000059604644775390625"
        #expect(float(middle) == 1)
        #expect(float(middle + "0000000000000000001") == Float(1).nextUp)
        #expect(Float(double(middle + "0000000000000000001") ?? 0) == 1, "the canary: rounding twice is wrong here")
        // Sixteen digits, as the short way takes them; their nearest doubles lie in the middle between two floats.
        #expect(float("8.475928783416748")?.bitPattern == 0x4107_9D67)
        #expect(float("8.948107242584229")?.bitPattern == 0x410F_2B73)
        #expect(float("8.131057262420654")?.bitPattern == 0x4102_18CF)
        #expect(float("1.000000178813934326171875") == Float(1).nextUp.nextUp)
        #expect(float("1.17549421069244107548702944485e-38") == Float.leastNormalMagnitude.nextDown)
        #expect(float("7.0064923216240853546186479164495e-46") == 0)
        #expect(float("7.0064923216240853546186479164496e-46") == Float.leastNonzeroMagnitude)
        #expect(double("9007199254740993") == 9_007_199_254_740_992)
        #expect(double("9007199254740993.0000000000000000000001") == 9_007_199_254_740_994)
        #expect(double("2.2250738585072011e-308") == Double.leastNormalMagnitude.nextDown)
    }

    /// The short way (one rounding of exact operands) against the standard library's conversion.
    @Test(arguments: [5, 6] as [UInt64])
    func shortAndLongWayAgree(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<3000 {
            let digits = String(random.next() >> UInt64.random(in: 0...60, using: &random))
            let place = Int.random(in: 0...digits.count, using: &random)
            let exponent = Int.random(in: -48...40, using: &random)
            let text = "\(digits.prefix(place)).\(digits.dropFirst(place))e\(exponent)"
            let (wide, narrow) = (try #require(Double(text)), try #require(Float(text)))
            #expect(double(text) == wide, "seed \(seed): \(text)")
            #expect(float(text) == (narrow.isFinite ? narrow : nil), "seed \(seed): \(text)")
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
            if value.isFinite { #expect(float(value.description)?.bitPattern == value.bitPattern, "seed \(seed)") }
        }
    }
}
