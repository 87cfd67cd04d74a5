import LockstepCore
import LockstepData
import LockstepTestSupport
import Testing

@Suite struct TransformsTests {
    private static let all = Transforms([
        .crop(padding: 2), .flip, .rotate(degrees: 40), .scale(0.5...1.5), .brightness(0.5...2),
        .normalize(mean: [0.25, 0.5], deviation: [0.5, 0.3]),
    ])

    private func image(_ shape: [Int]) -> [Float] {
        (0..<shape.reduce(1, *)).map { Float(($0 * 37) % 101) / 128 }
    }

    private func applied(
        _ transforms: Transforms, to pixels: [Float]? = nil, _ shape: [Int] = [5, 6, 2], seed: UInt64 = 1,
        epoch: Int = 1, sample: Int = 0
    ) -> [Float] {
        var pixels = pixels ?? image(shape)
        transforms.apply(to: &pixels, shape: shape, seed: seed, epoch: epoch, sample: sample)
        return pixels
    }

    private func applied(_ step: Transforms.Transform, sample: Int) -> [Float] {
        applied(Transforms([step]), sample: sample)
    }

    /// The bits are those of a separate program in another language, which rounds every operation to 32 bits.
    @Test func bitsAreGolden() {
        let pixels = [(1, 1, 0), (1, 2, 0), (1, 1, 1), (1 << 40 + 3, 7, 123_456)].flatMap { seed, epoch, sample in
            applied(TransformsTests.all, seed: UInt64(seed), epoch: epoch, sample: sample)
        }
        let bytes = pixels.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
        #expect(
            DigestBuilder.digest(of: bytes).description
                == "b411b9f278de27fe007b1e4ce3fde8541679a43f3b29bd2c0528953eb323a72b")
    }

    /// What a sample becomes depends on seed, epoch and sample alone, whatever was transformed before.
    @Test(arguments: [21, 22] as [UInt64])
    func samplesDependOnTheirKeyAlone(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var keys: [(UInt64, Int, Int)] = []
        for _ in 0..<30 {
            keys.append(
                (random.next(), Int.random(in: 1...9, using: &random), Int.random(in: 0...99_999, using: &random)))
        }
        func all(_ order: [Int]) -> [[Float]] {
            var results = Array(repeating: [Float](), count: keys.count)
            for index in order {
                let (seed, epoch, sample) = keys[index]
                results[index] = applied(TransformsTests.all, seed: seed, epoch: epoch, sample: sample)
            }
            return results
        }
        let forwards = all(Array(keys.indices))
        #expect(all(keys.indices.shuffled(using: &random)) == forwards)
        // Each part of the key matters.
        #expect(Set(forwards).count == keys.count)
        let (key, epoch, sample) = keys[0]
        for other in [(key ^ 1 << 50, epoch, sample), (key, epoch + 1, sample), (key, epoch, sample + 1)] {
            #expect(applied(TransformsTests.all, seed: other.0, epoch: other.1, sample: other.2) != forwards[0])
        }
    }

    @Test func cropMovesByEveryOffset() {
        let (height, width, channels, padding) = (5, 6, 2, 2)
        let before = image([height, width, channels])
        func moved(_ rows: Int, _ columns: Int) -> [Float] {
            (0..<before.count).map { index in
                let (row, column) = (index / channels / width + rows, index / channels % width + columns)
                guard (0..<height).contains(row), (0..<width).contains(column) else { return 0 }
                return before[(row * width + column) * channels + index % channels]
            }
        }
        let offsets = (-padding...padding).flatMap { rows in (-padding...padding).map { (rows, $0) } }
        let possible = offsets.map { moved($0.0, $0.1) }
        var seen: Set<Int> = []
        for sample in 0..<300 {
            let index = possible.firstIndex(of: applied(.crop(padding: padding), sample: sample))
            #expect(index != nil)
            if let index { seen.insert(index) }
        }
        #expect(seen.count == 25)
        #expect(!possible.contains(moved(3, 0)))
    }

    @Test func flipMirrorsHalf() {
        let before = image([5, 6, 2])
        let mirrored: [Float] = before.indices.map { index in
            let (row, column) = (index / 12, index / 2 % 6)
            return before[row * 12 + (5 - column) * 2 + index % 2]
        }
        let flipped = (0..<400).filter { sample in
            let after = applied(.flip, sample: sample)
            #expect(after == before || after == mirrored)
            return after == mirrored
        }
        #expect((150...250).contains(flipped.count))
    }

    /// Turning by θ moves a spot from the right towards the top, and half the spot's mass stays where bilinear weights
    /// put it.
    @Test func rotationTurnsAboutTheCentre() {
        var spot = [Float](repeating: 0, count: 21 * 21)
        spot[10 * 21 + 17] = 1
        for sample in 0..<60 {
            let after = applied(Transforms([.rotate(degrees: 90)]), to: spot, [21, 21, 1], sample: sample)
            let mass = after.reduce(0, +)
            #expect(abs(mass - 1) < 0.35)
            let x = (0..<441).reduce(Float(0)) { $0 + after[$1] * Float($1 % 21 - 10) } / mass
            let y = (0..<441).reduce(Float(0)) { $0 + after[$1] * Float($1 / 21 - 10) } / mass
            #expect(abs((x * x + y * y).squareRoot() - 7) < 0.4)
            #expect(x > -0.5)
        }
        // A constant image stays what it is away from its edges.
        let grey = applied(Transforms([.rotate(degrees: 30)]), to: Array(repeating: 0.5, count: 441), [21, 21, 1])
        #expect((7..<14).allSatisfy { row in (7..<14).allSatisfy { abs(grey[row * 21 + $0] - 0.5) < 1e-6 } })
    }

    @Test func scalingEnlargesAboutTheCentre() {
        let ramp = (0..<81).map { Float($0 % 9 - 4) / 8 + 0.5 }
        for sample in 0..<20 {
            let after = applied(Transforms([.scale(2...2)]), to: ramp, [9, 9, 1], sample: sample)
            for row in 0..<9 {
                for column in 0..<9 {
                    #expect(abs(after[row * 9 + column] - (Float(column - 4) / 16 + 0.5)) < 1e-6)
                }
            }
        }
        let small = applied(Transforms([.scale(0.5...0.5)]), to: ramp, [9, 9, 1])
        #expect(small[0] == 0 && small[4 * 9 + 4] == 0.5 && small[4 * 9 + 5] == 0.75)
    }

    @Test func brightnessMultipliesAndCuts() {
        let pixels: [Float] = [0, 0.25, 0.5, 1]
        var factors: [Float] = []
        for sample in 0..<50 {
            let after = applied(Transforms([.brightness(0.5...1.5)]), to: pixels, [2, 2, 1], sample: sample)
            factors.append(after[1] * 4)
            #expect(after[0] == 0 && after[2] == after[1] * 2 && after[3] == min(1, after[1] * 4))
        }
        #expect(factors.allSatisfy { (0.5..<1.5).contains($0) })
        #expect(factors.contains { $0 < 0.7 } && factors.contains { $0 > 1.3 })
    }

    @Test func onlyNormalizeHappensOutsideTraining() throws {
        var pixels = image([5, 6, 2])
        TransformsTests.all.applyInEvaluation(to: &pixels, shape: [5, 6, 2])
        let expected = image([5, 6, 2]).enumerated().map { index, pixel in
            index % 2 == 0 ? (pixel - 0.25) / 0.5 : (pixel - 0.5) / Float(0.3)
        }
        #expect(pixels == expected)
        var same = image([5, 6, 2])
        Transforms([.flip, .crop(padding: 1)]).applyInEvaluation(to: &same, shape: [5, 6, 2])
        #expect(same == image([5, 6, 2]))
        let glyphs = try Glyphs(count: 1).open(files: []).preprocessing
        #expect(glyphs.adding(Transforms([.flip])) == glyphs)
        let normalized = glyphs.adding(Transforms([.normalize(mean: [0.5], deviation: [0.25])]))
        #expect(normalized.images?.normalization == .init(mean: [0.5], deviation: [0.25]))
    }

    @Test func settingsAreChecked() throws {
        try TransformsTests.all.validate(inputShape: [5, 6, 2])
        try Transforms().validate(inputShape: [3])
        let wrong: [([Transforms.Transform], [Int])] = [
            ([.flip], [3]), ([.crop(padding: 0)], [5, 6, 1]), ([.crop(padding: 5)], [5, 6, 1]),
            ([.crop(padding: -1)], [5, 6, 1]), ([.rotate(degrees: 0)], [5, 6, 1]),
            ([.rotate(degrees: 181)], [5, 6, 1]),
            ([.rotate(degrees: .nan)], [5, 6, 1]), ([.scale(0...1)], [5, 6, 1]), ([.scale(1...11)], [5, 6, 1]),
            ([.brightness(-1...1)], [5, 6, 1]), ([.brightness(1...(.infinity))], [5, 6, 1]),
            ([.normalize(mean: [0], deviation: [0])], [5, 6, 1]),
            ([.normalize(mean: [0, 0], deviation: [1])], [5, 6, 1]),
            ([.normalize(mean: [.nan], deviation: [1])], [5, 6, 1]),
            ([.normalize(mean: [], deviation: [1])], [5, 6, 1]),
            ([.normalize(mean: [0], deviation: [1]), .flip], [5, 6, 1]),
        ]
        for (steps, shape) in wrong {
            let error = #expect(throws: CommandError.self, "\(steps)") {
                try Transforms(steps).validate(inputShape: shape)
            }
            #expect(error?.exitCode == .usage)
        }
    }

    @Test func descriptionsTellSettingsApart() {
        #expect(
            TransformsTests.all.canonicalDescription
                == "version 1 crop(2) flip rotate(40.0) scale(0.5,1.5) brightness(0.5,2.0) normalize([0.25, 0.5],[0.5, 0.3])"
        )
        #expect(Transforms().canonicalDescription == "none")
    }
}
