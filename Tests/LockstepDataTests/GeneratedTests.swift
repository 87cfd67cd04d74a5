import LockstepCore
import Testing

@testable import LockstepData

@Suite struct GeneratedTests {
    private func sources(part: DataPart = .train, seed: UInt64 = 1) -> [any DataSource] {
        [
            Line(count: 40, part: part, seed: seed), Features(count: 40, part: part, seed: seed),
            Moons(count: 40, part: part, seed: seed),
            Patterns(count: 40, height: 6, width: 5, classes: 3, part: part, seed: seed),
        ]
    }

    /// Another digest is another version of the data.
    @Test func samplesAreGolden() throws {
        let digests = try sources().map { source in
            let reader = try source.open(files: [])
            let bytes = (0..<8).map { reader.sample($0) }.flatMap { $0.input + $0.target }.flatMap {
                withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init)
            }
            return DigestBuilder.digest(of: bytes).description.prefix(16)
        }
        #expect(digests == ["0466911353545b24", "693b89b619d8cf9e", "5b20a2faa549a32b", "c2e0cb8027931873"])
    }

    @Test func samplesDependOnSeedPartAndNumber() throws {
        for (index, source) in sources().enumerated() {
            let reader = try source.open(files: [])
            let forwards = (0..<40).map { reader.sample($0).input }
            for sample in (0..<40).reversed() { #expect(reader.sample(sample).input == forwards[sample]) }
            #expect(Set(forwards).count == 40)
            let others = try [sources(seed: 2), sources(part: .test), sources(part: .validation)].map {
                try $0[index].open(files: [])
            }
            for other in others {
                #expect(Set((0..<40).map { other.sample($0).input }).isDisjoint(with: forwards))
                #expect(other.contentDigest != reader.contentDigest)
            }
            #expect(try sources()[index].open(files: []).contentDigest == reader.contentDigest)
        }
    }

    @Test func linesAreLines() throws {
        let reader = try Line(count: 500, slope: -2, intercept: 0.5, noise: 0).open(files: [])
        #expect(reader.target == .values(1) && reader.inputShape == [1])
        let points = (0..<500).map { reader.sample($0) }
        for (input, target) in points { #expect(target[0] == 0.5 + -2 * input[0]) }
        #expect(points.allSatisfy { abs($0.input[0]) <= 1 } && points.contains { $0.input[0] < -0.9 })
        let noisy = try Line(count: 500, slope: -2, intercept: 0.5, noise: 0.3).open(files: [])
        let errors = (0..<500).map { noisy.sample($0) }.map { Double($0.target[0] - (0.5 - 2 * $0.input[0])) }
        let deviation = (errors.map { $0 * $0 }.reduce(0, +) / 500).squareRoot()
        #expect(abs(deviation - 0.3) < 0.03)
    }

    @Test func featuresLieOnTwoSidesOfAPlane() throws {
        let train = try Features(count: 400).open(files: [])
        let test = try Features(count: 400, part: .test).open(files: [])
        #expect(train.target == .values(1) && train.inputShape == [3])
        let ones = (0..<400).filter { train.sample($0).target == [1] }.count
        #expect((120...280).contains(ones))
        // A perceptron that learns from one part knows the other: they share the plane.
        var weights: [Float] = [0, 0, 0]
        let samples = (0..<400).map { train.sample($0) }
        for _ in 0..<30 {
            for (input, target) in samples {
                let isOne = zip(weights, input).reduce(Float(0)) { $0 + $1.0 * $1.1 } > 0
                let step = target[0] - (isOne ? 1 : 0)
                for index in 0..<3 { weights[index] += step * input[index] }
            }
        }
        let right = (0..<400).filter { sample in
            let (input, target) = test.sample(sample)
            return (zip(weights, input).reduce(Float(0)) { $0 + $1.0 * $1.1 } > 0) == (target == [1])
        }
        #expect(right.count > 380)
    }

    /// No line divides them as well as circles do.
    @Test func moonsAreNotDividedByALine() throws {
        let reader = try Moons(count: 400, noise: 0.05).open(files: [])
        let points = (0..<400).map { reader.sample($0) }
        #expect((0..<400).map { reader.label($0) } == (0..<400).map { $0 % 2 })
        var best = 0
        for angle in stride(from: 0, to: 90, by: 6) {
            let (sine, cosine) = Angle.sineAndCosine(degrees: Double(angle) * 2)
            let along = points.map { ($0.input[0] * Float(cosine) + $0.input[1] * Float(sine), $0.target[0]) }
                .sorted { $0.0 < $1.0 }
            var ones = 0
            for (index, point) in along.enumerated() {
                ones += Int(point.1)
                let right = ones + (199 - (index - ones))
                best = max(best, right, 400 - right)
            }
        }
        #expect(best < 370)
        let near = points.filter { point in
            let (x, y) = (point.input[0], point.input[1])
            let upper = abs((x * x + y * y).squareRoot() - 1)
            let lower = abs(((x - 1) * (x - 1) + (y - 0.5) * (y - 0.5)).squareRoot() - 1)
            return (point.target[0] == 0 ? upper : lower) < 0.2
        }
        #expect(near.count == 400)
    }

    @Test func patternsOfAClassAreAlike() throws {
        let reader = try Patterns(count: 60, height: 12, width: 12, classes: 4).open(files: [])
        #expect(reader.target == .classes(4) && reader.inputShape == [12, 12, 3] && reader.greatestLabelSample == 3)
        let images = (0..<60).map { reader.sample($0).input }
        #expect(images.allSatisfy { $0.allSatisfy { $0 >= 0 && $0 < 1 } })
        func distance(_ left: Int, _ right: Int) -> Float {
            zip(images[left], images[right]).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        }
        let nearest = (20..<60).filter { image in
            let neighbour = (0..<20).min { distance(image, $0) < distance(image, $1) } ?? 0
            return neighbour % 4 == image % 4
        }
        #expect(nearest.count >= 36)
    }

    @Test func impossibleSettingsAreRefused() {
        let wrong: [any DataSource] = [
            Line(count: 0), Line(count: .max), Line(count: 1, slope: .nan), Line(count: 1, noise: -1),
            Line(count: 1, intercept: .infinity), Features(count: 1, inputs: 0), Features(count: 1, inputs: 1 << 20),
            Features(count: -1), Moons(count: 1, noise: -0.1), Moons(count: 1, noise: .nan), Moons(count: 0),
            Patterns(count: 1, height: 0), Patterns(count: 1, width: 5000), Patterns(count: 1, channels: 17),
            Patterns(count: 1, classes: 0), Patterns(count: 0),
        ]
        for source in wrong {
            let error = #expect(throws: CommandError.self, "\(source)") { try source.open(files: []) }
            #expect(error?.exitCode == .usage)
        }
        #expect(throws: CommandError.self) { try Line(count: 1).open(files: [DataFile(name: "x", bytes: [])]) }
    }

    @Test func sinesAndCosinesAreExact() {
        for step in -720...720 {
            let degrees = Double(step) / 4
            let (sine, cosine) = Angle.sineAndCosine(degrees: degrees)
            #expect(abs(sine * sine + cosine * cosine - 1) < 1e-15)
            // sin(2a) = 2 sin a cos a
            let half = Angle.sineAndCosine(degrees: degrees / 2)
            #expect(abs(sine - 2 * half.sine * half.cosine) < 1e-15)
        }
        let exact: [(Double, Double, Double)] = [
            (0, 0, 1), (90, 1, 0), (-90, -1, 0), (180, 0, -1), (-180, 0, -1), (30, 0.5, 0.75.squareRoot()),
            (45, 0.5.squareRoot(), 0.5.squareRoot()), (-60, -0.75.squareRoot(), 0.5),
            (135, 0.5.squareRoot(), -0.5.squareRoot()),
        ]
        for (degrees, sine, cosine) in exact {
            let found = Angle.sineAndCosine(degrees: degrees)
            #expect(abs(found.sine - sine) < 4e-16 && abs(found.cosine - cosine) < 4e-16, "\(degrees)")
        }
    }
}
