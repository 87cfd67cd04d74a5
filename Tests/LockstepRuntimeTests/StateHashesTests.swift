import LockstepCore
import LockstepEngine
import Testing

@testable import LockstepRuntime

/// The hashes of a whole state against `docs/arithmetic.md`, step by step.
@Suite struct StateHashesTests {
    private static let weyl: UInt64 = 0x9e37_79b9_7f4a_7c15

    private static func mix(_ word: UInt64) -> UInt64 {
        var z = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }

    private struct Sum {
        var low: UInt64 = 0
        var high: UInt64 = 0

        /// - Parameter words: pairs of floats.
        mutating func add(block: UInt64, floats: Int, words: [UInt64]) {
            var raw = [UInt64](repeating: 0, count: 8)
            var products = raw
            let padded = words + Array(repeating: 0, count: (8 - words.count % 8) % 8)
            for (index, word) in padded.enumerated() {
                let key = word ^ UInt64(index + 1) &* weyl
                raw[index % 8] &+= word
                products[index % 8] &+= (key & 0xffff_ffff) &* (key >> 32)
            }
            var low = mix(mix(block &+ weyl) ^ UInt64(floats))
            for word in raw { low = mix((low ^ word) &+ weyl) }
            var high = low
            for word in products { high = mix((high ^ word) &+ weyl) }
            self.low &+= low
            self.high &+= high
        }

        /// Every state hash has the document's low word first, where a number has its high word.
        var hash: StateHash { StateHash(high: low, low: high) }
    }

    /// - Parameter firstBlock: the number of the first block of each vector, for a canary.
    private static func reference(
        _ vectors: [[Float]], _ numbers: [Double], firstBlock: ((Int) -> UInt64)? = nil
    ) -> StateHash {
        let blocks = UInt64((vectors[0].count + 4095) / 4096)
        var sum = Sum()
        for (number, vector) in vectors.enumerated() {
            let first = firstBlock?(number) ?? UInt64(number) * blocks
            for start in stride(from: 0, to: vector.count, by: 4096) {
                let floats = Array(vector[start..<min(start + 4096, vector.count)])
                let words = stride(from: 0, to: floats.count, by: 2).map { index in
                    UInt64(floats[index].bitPattern)
                        | (index + 1 < floats.count ? UInt64(floats[index + 1].bitPattern) << 32 : 0)
                }
                sum.add(block: first + UInt64(start / 4096), floats: floats.count, words: words)
            }
        }
        for start in stride(from: 0, to: numbers.count, by: 2048) {
            let words = numbers[start..<min(start + 2048, numbers.count)].map(\.bitPattern)
            sum.add(
                block: UInt64(vectors.count) * blocks + UInt64(start / 2048), floats: 2 * words.count, words: words)
        }
        return sum.hash
    }

    private static func hashes(_ vectors: [[Float]], _ numbers: [Double]) -> StateHashes {
        let memories = vectors.map { vector in
            let memory = FloatMemory(count: vector.count)
            memory.pointer.update(from: vector, count: vector.count)
            return memory
        }
        return withExtendedLifetime(memories) {
            StateHashes(
                vectors: memories.map { UnsafePointer($0.pointer) }, count: vectors[0].count, numbers: numbers,
                kernels: Kernels.best())
        }
    }

    private static func vector(_ count: Int, _ seed: Int) -> [Float] {
        (0..<count).map { Float(($0 * 37 + seed * 101) % 1009) / 8 - 60 }
    }

    @Test(arguments: [16, 4096, 5008, 8192]) func areThoseOfTheDocument(count: Int) {
        let vectors = (0..<3).map { Self.vector(count, $0) }
        for numbers in [[], [1.5, -0.0, 1e300], (0..<2049).map(Double.init)] {
            let hashes = Self.hashes(vectors, numbers)
            #expect(hashes.parameters == Self.reference([vectors[0]], []))
            #expect(hashes.whole == Self.reference(vectors, numbers))
        }
        // The canary: vectors that all begin at block 0.
        #expect(Self.hashes(vectors, []).whole != Self.reference(vectors, []) { _ in 0 })
    }

    /// Whatever changes shows, and in the whole hash alone unless it is a parameter.
    @Test func coverEverything() {
        let vectors = (0..<3).map { Self.vector(5008, $0) }
        let hashes = Self.hashes(vectors, [1, 2])
        for (number, vector) in vectors.enumerated() {
            var changed = vectors
            changed[number][5007] = vector[5007].nextUp
            let others = Self.hashes(changed, [1, 2])
            #expect(others.whole != hashes.whole)
            #expect((others.parameters == hashes.parameters) == (number > 0))
        }
        #expect(Self.hashes([vectors[0], vectors[2], vectors[1]], [1, 2]).whole != hashes.whole)
        #expect(Self.hashes(vectors, [2, 1]).whole != hashes.whole)
        #expect(Self.hashes(vectors, [1]).whole != hashes.whole)
    }
}
