import LockstepCore
import Testing

@Suite struct TextTests {
    @Test func controlCharactersNeverReachATerminal() {
        let hostile = "a\u{1B}[31mred\r\nb\u{202E}c\u{0}"
        let shown = hostile.escapedForDisplay()
        #expect(shown == "a\\u{1b}[31mred\\u{d}\\u{a}b\\u{202e}c\\u{0}")
        #expect("naïve 数".escapedForDisplay() == "naïve 数")
        #expect(String(repeating: "x", count: 300).escapedForDisplay(limit: 5) == "xxxxx…")
    }

    @Test func digestOfKnownText() {
        #expect(
            DigestBuilder.digest(of: Array("abc".utf8)).description
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Digest(hexadecimal: "zz") == nil)
        let digest = DigestBuilder.digest(of: [1, 2, 3])
        #expect(Digest(hexadecimal: digest.description) == digest)
    }

    @Test func stateHashText() {
        let hash = StateHash(high: 0x0123_4567_89AB_CDEF, low: 1)
        #expect(hash.description == "0123456789abcdef0000000000000001")
        #expect(StateHash(hexadecimal: hash.description) == hash)
        #expect(StateHash(hexadecimal: "12") == nil)
        // What else Swift reads as a number.
        for sign in ["+", "-"] {
            let zeros = String(repeating: "0", count: 15)
            #expect(StateHash(hexadecimal: sign + zeros + "0" + zeros) == nil)
            #expect(StateHash(hexadecimal: "0" + zeros + sign + zeros) == nil)
        }
        #expect(RunDirectory(path: "r").snapshot(step: 200) == "r/snapshots/step-00000200")
    }
}
