import LockstepCore
import LockstepData
import Testing

@Suite struct GlyphsTests {
    private func bytes(_ glyphs: Glyphs, _ samples: some Sequence<Int>) throws -> [UInt8] {
        let reader = try glyphs.open(files: [])
        return samples.flatMap { number in
            let (input, target) = reader.sample(number)
            return [UInt8(target[0])] + input.map { UInt8(($0 * 255).rounded()) }
        }
    }

    /// Drawn by any machine, these have the same bits. Another digest is another version of the data.
    @Test func imagesAreGolden() throws {
        let drawn = try bytes(Glyphs(count: 100), 0..<20)
        #expect(
            DigestBuilder.digest(of: drawn).description
                == "0efeab365e75cc0357c810ad98b15d388220b8ed5e4c9b84f7687ca21a1a070d")
        #expect(
            DigestBuilder.digest(of: try bytes(Glyphs(count: 100, seed: 2), 0..<20)) != DigestBuilder.digest(of: drawn))
    }

    @Test func anImageDependsOnSeedPartAndIndexAlone() throws {
        let glyphs = Glyphs(count: 60)
        let forwards = try bytes(glyphs, 0..<20)
        let reader = try glyphs.open(files: [])
        for sample in (0..<20).reversed() {
            for _ in 0..<2 {
                let (input, target) = reader.sample(sample)
                #expect(target == [Float(forwards[sample * 785])])
                #expect(
                    input.map { UInt8(($0 * 255).rounded()) } == Array(forwards[sample * 785 + 1..<(sample + 1) * 785]))
            }
        }
        #expect(try bytes(Glyphs(count: 30), 0..<20) == forwards)
        #expect(try bytes(Glyphs(count: 60, seed: 2), 0..<20) != forwards)
        #expect(try bytes(Glyphs(count: 60, part: .test), 0..<20) != forwards)
        #expect(
            try bytes(Glyphs(count: 60, part: .validation), 0..<20) != bytes(Glyphs(count: 60, part: .test), 0..<20))
    }

    @Test func partsAreDisjointAndImagesDiffer() throws {
        var images: Set<[UInt8]> = []
        for part in Glyphs.Part.allCases {
            let drawn = try bytes(Glyphs(count: 60, part: part), 0..<60)
            for start in stride(from: 0, to: drawn.count, by: 785) {
                images.insert(Array(drawn[start + 1..<start + 785]))
            }
        }
        #expect(images.count == 3 * 60)
    }

    @Test func classesAreEven() throws {
        let reader = try Glyphs(count: 53).open(files: [])
        var counts = Array(repeating: 0, count: 10)
        for sample in 0..<53 { counts[reader.label(sample)] += 1 }
        #expect(counts == [6, 6, 6, 5, 5, 5, 5, 5, 5, 5])
        #expect(reader.target == .classes(10) && reader.inputShape == [28, 28, 1] && reader.greatestLabelSample == 9)
    }

    /// Every way to write a digit occurs, nothing leaves the paper, and there is ink in every image.
    @Test func imagesLookLikeWriting() throws {
        let drawn = try bytes(Glyphs(count: 300), 0..<300)
        for start in stride(from: 0, to: drawn.count, by: 785) {
            let image = drawn[start + 1..<start + 785]
            let ink = image.filter { $0 > 100 }.count
            #expect((20...330).contains(ink), "image \(start / 785)")
            let edge = (0..<28).filter { image[start + 1 + $0] > 140 || image[start + 1 + 27 * 28 + $0] > 140 }.count
            #expect(edge <= 6, "image \(start / 785)")
        }
    }

    @Test func severalThreadsMayRead() async throws {
        let reader = try Glyphs(count: 20).open(files: [])
        let expected = try bytes(Glyphs(count: 20), 0..<20)
        let agree = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    (0..<20).allSatisfy { sample in
                        reader.sample(sample).input.map { UInt8(($0 * 255).rounded()) }
                            == Array(expected[sample * 785 + 1..<(sample + 1) * 785])
                    }
                }
            }
            return await group.reduce(true) { $0 && $1 }
        }
        #expect(agree)
    }

    @Test func settingsEnterTheDigest() throws {
        let digests = try [
            Glyphs(count: 10), Glyphs(count: 11), Glyphs(count: 10, part: .test), Glyphs(count: 10, seed: 2),
        ].map { try $0.open(files: []).contentDigest }
        #expect(Set(digests).count == 4)
        #expect(try Glyphs(count: 10).open(files: []).contentDigest == digests[0])
        #expect(digests[0].description == "ebcfa7c876e8b0e2fee3fc1fa3e6e89fe189e2fbee785914e97e308a7886d999")
    }

    @Test func impossibleCountsAreRefused() {
        for count in [0, -1, Int.max] {
            let error = #expect(throws: CommandError.self) { try Glyphs(count: count).open(files: []) }
            #expect(error?.exitCode == .usage)
        }
    }
}
