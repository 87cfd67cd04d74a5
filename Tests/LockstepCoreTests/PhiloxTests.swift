import LockstepCore
import Testing

@Suite struct PhiloxTests {
    /// Known answers of the reference implementation (Random123, kat_vectors, philox4x32 10).
    @Test func knownAnswers() {
        #expect(Philox(key: [0, 0]).block([0, 0, 0, 0]) == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
        let ones = UInt32.max
        #expect(
            Philox(key: [ones, ones]).block([ones, ones, ones, ones])
                == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
        #expect(
            Philox(key: [0xa409_3822, 0x299f_31d0]).block([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344])
                == [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1])
    }

    @Test func streamsOfDifferentPurposesDiffer() {
        let shuffle = Philox(seed: 7, purpose: .shuffle)
        let glyphs = Philox(seed: 7, purpose: .glyphs)
        #expect(shuffle.block([1, 2, 3, 4]) != glyphs.block([1, 2, 3, 4]))
    }

    @Test func uniformNumbersLieInTheUnitInterval() {
        let generator = Philox(seed: 1, purpose: .initialization)
        let numbers = (0..<4000).map { generator.uniform(site: 3, index: 5, element: $0) }
        #expect(numbers.allSatisfy { $0 >= 0 && $0 < 1 })
        let mean = numbers.map(Double.init).reduce(0, +) / 4000
        #expect(abs(mean - 0.5) < 0.03)
    }
}
