import LockstepCore
import Testing

@Suite struct SixteenDigitsTests {
    @Test func wordsAreWrittenAndRead() {
        for (word, text) in [
            (0, "0000000000000000"), (0xFEDC_BA98_7654_3210, "fedcba9876543210"), (.max, "ffffffffffffffff"),
            (10, "000000000000000a"),
        ] as [(UInt64, String)] {
            #expect(word.sixteenDigits == text)
            #expect(UInt64(sixteenDigits: text) == word)
        }
    }

    @Test(arguments: [
        "", "0", "000000000000000", "00000000000000000", "000000000000000A", "+00000000000000f", " 00000000000000f",
        "000000000000000g", "00000000000000\u{FF10}",
    ])
    func otherTextsAreNone(text: String) { #expect(UInt64(sixteenDigits: text) == nil) }
}
