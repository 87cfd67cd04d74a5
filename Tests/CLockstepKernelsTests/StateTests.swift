import CLockstepKernels
import Testing

@Suite("The flat state") struct StateTests {
    @Test("add, sgd and adam", arguments: Variants.names)
    func updates(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("updates, \(name)")
        for count in [0, 1, 15, 16, 17, 100, 1000] {
            let special = count % 2 == 0 ? 20 : 0
            let p = random.floats(count, special: special), g = random.floats(count, special: special)
            let m = random.floats(count, special: special)
            let v = random.floats(count, special: special).map { abs($0) }

            let sum = Buffer(p)
            kernels.add(count, sum.pointer, g)
            #expect(firstDifference(zip(p, g).map { $0 + $1 }, sum.values) == nil)

            let scale: Float = 1 / 3, rate: Float = 0.07
            let descended = Buffer(p)
            kernels.sgd(count, descended.pointer, g, scale, rate)
            let expected = zip(p, g).map { p, g in p.addingProduct(-rate, g * scale) }
            #expect(firstDifference(expected, descended.values) == nil, "seed \(random.seed)")

            var c = ls_adam(
                scale: scale, beta1: 0.9, beta2: 0.999, one_minus_beta1: 0.1, one_minus_beta2: 0.001, step_size: 0.003,
                second_correction: 1.7, epsilon: 1e-8)
            let pBuffer = Buffer(p), mBuffer = Buffer(m), vBuffer = Buffer(v)
            kernels.adam(count, pBuffer.pointer, mBuffer.pointer, vBuffer.pointer, g, &c)
            var pExpected: [Float] = [], mExpected: [Float] = [], vExpected: [Float] = []
            for index in 0..<count {
                let scaled = g[index] * c.scale
                let mean = m[index].addingProduct(c.one_minus_beta1, scaled - m[index])
                let decayed = c.beta2 * v[index]
                let square = decayed.addingProduct(c.one_minus_beta2 * scaled, scaled)
                let denominator = c.epsilon.addingProduct(square.squareRoot(), c.second_correction)
                mExpected.append(mean)
                vExpected.append(square)
                pExpected.append(p[index].addingProduct(-c.step_size, mean / denominator))
            }
            #expect(firstDifference(mExpected, mBuffer.values) == nil, "seed \(random.seed)")
            #expect(firstDifference(vExpected, vBuffer.values) == nil, "seed \(random.seed)")
            #expect(firstDifference(pExpected, pBuffer.values) == nil, "seed \(random.seed)")
            #expect(
                guardsAreIntact(sum, descended, pBuffer, mBuffer, vBuffer), "count \(count)")
        }
    }

    @Test("sum takes what stands anywhere", arguments: Variants.names)
    func receivedSum(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("sum, \(name)")
        for count in [0, 1, 15, 16, 63, 64, 65, 1000] {
            for shift in 0..<4 {
                let own = random.floats(count, special: count % 2 == 0 ? 20 : 0)
                var received = random.floats(count, special: 0)
                let expected = zip(own, received).map { $0 + $1 }
                let into = Buffer([Float](repeating: 0, count: count))
                let bytes = [UInt8](repeating: 0, count: shift) + received.withUnsafeBytes { Array($0) }
                let isFinite = bytes.withUnsafeBytes { bytes in
                    bytes.baseAddress.map { kernels.sum(count, into.pointer, own, $0 + shift) } ?? true
                }
                #expect(firstDifference(expected, into.values) == nil, "seed \(random.seed), shift \(shift)")
                #expect(isFinite == expected.allSatisfy(\.isFinite), "seed \(random.seed), count \(count)")
                #expect(guardsAreIntact(into))
                guard let place = received.indices.randomElement() else { continue }
                received[place] = .infinity
                #expect(!kernels.sum(count, into.pointer, [Float](repeating: 1, count: count), received))
            }
        }
    }

    @Test("all_finite finds one bad element anywhere", arguments: Variants.names)
    func finite(name: String) throws {
        let kernels = try Variants.table(name)
        for count in [0, 1, 16, 37] {
            var x = [Float](repeating: .greatestFiniteMagnitude, count: count)
            #expect(kernels.all_finite(count, x))
            for index in 0..<count {
                for bad in [Float.nan, .infinity, -.infinity, -Float.nan, .signalingNaN] {
                    x[index] = bad
                    #expect(!kernels.all_finite(count, x))
                }
                x[index] = -.leastNonzeroMagnitude
                #expect(kernels.all_finite(count, x))
            }
        }
    }
}

@Suite("The state hash") struct StateHashKernelTests {
    private static let weyl: UInt64 = 0x9E37_79B9_7F4A_7C15

    private static func mixed(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    private static func reference(_ x: [Float], firstBlock: UInt64 = 0) -> [UInt64] {
        var sums: [UInt64] = [0, 0]
        var number = firstBlock
        for start in stride(from: 0, to: x.count, by: 4096) {
            let block = x[start..<min(start + 4096, x.count)]
            var raw = [UInt64](repeating: 0, count: 8), products = raw
            func bits(_ index: Int) -> UInt64 {
                index < block.count ? UInt64(block[start + index].bitPattern) : 0
            }
            for word in 0..<(block.count + 15) / 16 * 8 {
                let value = bits(2 * word) | bits(2 * word + 1) << 32
                let keyed = value ^ (UInt64(word + 1) &* weyl)
                raw[word % 8] &+= value
                products[word % 8] &+= (keyed & 0xFFFF_FFFF) &* (keyed >> 32)
            }
            var high = mixed(mixed(number &+ weyl) ^ UInt64(block.count))
            for value in raw { high = mixed((high ^ value) &+ weyl) }
            var low = high
            for value in products { low = mixed((low ^ value) &+ weyl) }
            sums[0] &+= high
            sums[1] &+= low
            number += 1
        }
        return sums
    }

    private static func hash(_ kernels: ls_kernels, _ x: [Float], firstBlock: UInt64 = 0) -> [UInt64] {
        var sums: [UInt64] = [0, 0]
        kernels.hash_blocks(x.count, x, firstBlock, &sums)
        return sums
    }

    @Test("every variant gives the specified numbers", arguments: Variants.names)
    func specification(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("hash, \(name)")
        for count in [0, 1, 2, 15, 16, 17, 4095, 4096, 4097, 9000] {
            let x = random.floats(count, special: 10)
            for first in [0, 3, UInt64(1) << 40] {
                #expect(
                    StateHashKernelTests.hash(kernels, x, firstBlock: first)
                        == StateHashKernelTests.reference(x, firstBlock: first), "seed \(random.seed) count \(count)")
            }
        }
        let known: [Float] = (0..<5000).map { Float($0) * 0.25 }
        #expect(StateHashKernelTests.hash(kernels, known) == [0x43ED_B135_2658_2F55, 0x0D04_F42E_A321_075E])
    }

    @Test("splitting at blocks changes nothing", arguments: Variants.names)
    func splitting(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("hash split", seed: 4)
        let x = random.floats(3 * 4096 + 77)
        var sums: [UInt64] = [0, 0]
        for part in [2..<4, 0..<1, 1..<2] {
            let piece = Array(x[part.lowerBound * 4096..<min(part.upperBound * 4096, x.count)])
            kernels.hash_blocks(piece.count, piece, UInt64(part.lowerBound), &sums)
        }
        #expect(sums == StateHashKernelTests.hash(kernels, x))
    }

    @Test("any flipped bit, a swap of blocks or words, a length and a sign of zero show", arguments: Variants.names)
    func sensitivity(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("hash sensitivity, \(name)")
        var x = random.floats(2 * 4096 + 100)
        let right = StateHashKernelTests.hash(kernels, x)
        for _ in 0..<300 {
            let index = random.integer(0...x.count - 1), bit = UInt32(1) << UInt32(random.integer(0...31))
            x[index] = Float(bitPattern: x[index].bitPattern ^ bit)
            let changed = StateHashKernelTests.hash(kernels, x)
            #expect(changed[0] != right[0] && changed[1] != right[1], "bit \(bit) of \(index) seed \(random.seed)")
            x[index] = Float(bitPattern: x[index].bitPattern ^ bit)
        }
        #expect(StateHashKernelTests.hash(kernels, x) == right)

        let swapped = Array(x[4096..<8192] + x[0..<4096] + x[8192...])
        #expect(StateHashKernelTests.hash(kernels, swapped) != right)
        for distance in [1, 2, 16, 64] {
            var moved = x
            moved.swapAt(100, 100 + distance)
            #expect(StateHashKernelTests.hash(kernels, moved) != right, "distance \(distance)")
        }
        let zeros = [Float](repeating: 0, count: 40)
        #expect(StateHashKernelTests.hash(kernels, zeros) != StateHashKernelTests.hash(kernels, zeros + [0]))
        var negative = zeros
        negative[39] = -0.0
        #expect(StateHashKernelTests.hash(kernels, zeros) != StateHashKernelTests.hash(kernels, negative))
    }
}
