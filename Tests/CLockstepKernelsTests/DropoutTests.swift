import CLockstepKernels
import Testing

@Suite("Dropout") struct DropoutTests {
    /// Philox4x32-10, one counter at a time.
    private static func philox(key: (UInt32, UInt32), counter: [UInt32], rounds: Int = 10) -> [UInt32] {
        var c = counter
        var k = key
        for _ in 0..<rounds {
            let a = c[0].multipliedFullWidth(by: 0xD251_1F53), b = c[2].multipliedFullWidth(by: 0xCD9E_8D57)
            c = [b.high ^ c[1] ^ k.0, b.low, a.high ^ c[3] ^ k.1, a.low]
            k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
        }
        return c
    }

    private static func reference(
        _ d: ls_dropout, elements: Int, first: UInt32, x: [Float], rounds: Int = 10
    ) -> [Float] {
        x.indices.map { index in
            let element = UInt32(index % elements), row = UInt32(index / elements)
            let words = philox(key: d.key, counter: [element / 4, d.site, first &+ row, d.step], rounds: rounds)
            return words[Int(element % 4)] >> 8 >= d.threshold ? x[index] * d.scale : 0
        }
    }

    @Test("the reference gives the published words")
    func publishedWords() {
        let zeros = DropoutTests.philox(key: (0, 0), counter: [0, 0, 0, 0])
        #expect(zeros == [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8])
        let ones = DropoutTests.philox(key: (.max, .max), counter: [.max, .max, .max, .max])
        #expect(ones == [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD])
    }

    @Test("every variant keeps the specified elements, also in place", arguments: Variants.names)
    func bits(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("dropout, \(name)")
        for (rows, elements) in [(1, 1), (3, 3), (2, 15), (2, 16), (5, 17), (2, 63), (3, 64), (2, 65), (2, 333)] {
            var d = ls_dropout(
                key: (UInt32(truncatingIfNeeded: random.next()), UInt32(truncatingIfNeeded: random.next())),
                site: UInt32(truncatingIfNeeded: random.next()), step: UInt32(random.integer(0...9)),
                threshold: UInt32(random.integer(1 << 22...3 << 22)), scale: 1.25)
            let first = elements == 65 ? UInt32.max : UInt32(random.integer(0...1000))
            let x = random.floats(rows * elements, special: 9)
            let expected = DropoutTests.reference(d, elements: elements, first: first, x: x)
            let apart = Buffer(x.count), inPlace = Buffer(x)
            kernels.dropout(&d, rows, elements, first, x, apart.pointer)
            kernels.dropout(&d, rows, elements, first, inPlace.pointer, inPlace.pointer)
            let comment = "\(rows) × \(elements) seed \(random.seed)"
            #expect(firstDifference(expected, apart.values) == nil, "\(comment)")
            #expect(firstDifference(expected, inPlace.values) == nil, "\(comment)")
            #expect(guardsAreIntact(apart, inPlace), "\(comment)")
            if elements > 60 {
                // The canary: nine rounds, or another position, keep other elements.
                let nine = DropoutTests.reference(d, elements: elements, first: first, x: x, rounds: 9)
                let moved = DropoutTests.reference(d, elements: elements, first: first &+ 1, x: x)
                #expect(firstDifference(nine, apart.values) != nil, "\(comment)")
                #expect(firstDifference(moved, apart.values) != nil, "\(comment)")
            }
        }
    }

    @Test("the share that is kept, and the ends of the threshold")
    func share() throws {
        let kernels = try Variants.table(Variants.names[0])
        let count = 1 << 16
        let x = [Float](repeating: 1, count: count), y = Buffer(count)
        func kept(_ threshold: UInt32) -> Int {
            var d = ls_dropout(key: (1, 2), site: 3, step: 4, threshold: threshold, scale: 1)
            kernels.dropout(&d, 1, count, 0, x, y.pointer)
            return y.values.count { $0 == 1 }
        }
        #expect(kept(0) == count)
        #expect(kept(1 << 24) == 0)
        #expect(abs(kept(1 << 22) - count * 3 / 4) < 600)
    }

    @Test("rows do not depend on those beside them", arguments: Variants.names)
    func rows(name: String) throws {
        let kernels = try Variants.table(name)
        var d = ls_dropout(key: (8, 9), site: 7, step: 6, threshold: 1 << 23, scale: 2)
        let x = (0..<6 * 21).map { Float($0 + 1) }
        let all = Buffer(x.count), part = Buffer(21)
        kernels.dropout(&d, 6, 21, 40, x, all.pointer)
        for row in 0..<6 {
            kernels.dropout(&d, 1, 21, 40 + UInt32(row), Array(x[row * 21..<(row + 1) * 21]), part.pointer)
            #expect(part.values == Array(all.values[row * 21..<(row + 1) * 21]))
        }
    }
}
