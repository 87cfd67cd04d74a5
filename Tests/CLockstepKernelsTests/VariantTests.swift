import CLockstepKernels
import Testing

@Suite("Variants") struct VariantTests {
    @Test("names lead to their tables, the best is one of them")
    func names() throws {
        for name in Variants.names {
            let kernels = try #require(ls_kernels_named(name))
            #expect(String(cString: kernels.pointee.name) == name)
        }
        #expect(ls_kernels_named("sse9") == nil)
        #expect(ls_kernels_named("") == nil)
        let best = try #require(ls_kernels_best())
        #expect(String(cString: best.pointee.name) == Variants.names[0])
        #expect(Variants.names.contains("generic"))
    }

    /// The portable variant may emulate the fused multiply-add; these operands need its last sticky bit.
    @Test("one rounding in every multiply-add", arguments: Variants.names)
    func exactMultiplyAdd(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("multiply-add, \(name)")
        var p: [Float] = [], g: [Float] = []
        for _ in 0..<4000 {
            // Addends around the product's last bits, ties among them.
            let a = Float(bitPattern: UInt32(truncatingIfNeeded: random.next())), scale = random.integer(-60...60)
            let product = Double(a) * 3
            p.append(Float(product * Double(sign: .plus, exponent: scale, significand: 1)))
            g.append(a)
        }
        for exponent in [-24, -25, -48, -49, -126, -149] {
            for base in [Float(1), 1 + Float.ulpOfOne, 1.5, -1, 0x1p-126] {
                p.append(base)
                g.append(Float(sign: .minus, exponent: exponent, significand: 1))
                p.append(base)
                g.append(Float(sign: .plus, exponent: exponent, significand: 1.5))
            }
        }
        for rate in [Float(3), 0x1.000002p0, -0x1p-30] {
            let found = Buffer(p)
            kernels.sgd(p.count, found.pointer, g, 1, rate)
            let expected = zip(p, g).map { $0.addingProduct(-rate, $1) }
            #expect(firstDifference(expected, found.values) == nil, "rate \(rate) seed \(random.seed)")
            // The canary: a second rounding shows.
            let twice = zip(p, g).map { p, g -> Float in
                let product = rate * g
                return p - product
            }
            #expect(rate == -0x1p-30 || firstDifference(twice, found.values) != nil)
        }
    }
}

@Suite("Strokes") struct StrokeTests {
    private func draw(_ height: Int, _ width: Int, _ strokes: [ls_stroke]) -> [UInt8] {
        var pixels = [UInt8](repeating: 77, count: height * width)
        ls_draw_strokes(height, width, strokes, strokes.count, &pixels)
        return pixels
    }

    @Test("ink follows the distance to the nearest stroke")
    func distances() {
        var random = TestGenerator("strokes")
        for _ in 0..<20 {
            let strokes = (0..<random.integer(0...4)).map { _ -> ls_stroke in
                func coordinate() -> Float { Float.random(in: -4...24, using: &random) }
                return ls_stroke(
                    x0: coordinate(), y0: coordinate(), x1: coordinate(), y1: coordinate(),
                    radius: Float.random(in: 0...3, using: &random))
            }
            let pixels = draw(20, 17, strokes)
            for row in 0..<20 {
                for column in 0..<17 {
                    let x = Double(column) + 0.5, y = Double(row) + 0.5
                    let ink =
                        strokes.map { s -> Double in
                            let dx = Double(s.x1 - s.x0), dy = Double(s.y1 - s.y0)
                            let length = dx * dx + dy * dy
                            let along = length > 0 ? ((x - Double(s.x0)) * dx + (y - Double(s.y0)) * dy) / length : 0
                            let t = min(max(along, 0), 1)
                            let xOff = x - Double(s.x0) - t * dx, yOff = y - Double(s.y0) - t * dy
                            return min(max(Double(s.radius) + 0.5 - (xOff * xOff + yOff * yOff).squareRoot(), 0), 1)
                        }.max() ?? 0
                    #expect(
                        abs(Double(pixels[row * 17 + column]) - ink * 255) <= 0.51,
                        "seed \(random.seed), \(row) \(column)")
                }
            }
        }
    }

    @Test("coordinates that are not numbers, or far away, disturb nothing else")
    func strangeCoordinates() {
        let good = ls_stroke(x0: 2, y0: 2, x1: 6, y1: 6, radius: 1)
        let far = ls_stroke(x0: 1e30, y0: -1e30, x1: .infinity, y1: 3, radius: 1)
        let none = ls_stroke(x0: .nan, y0: 1, x1: 2, y1: 3, radius: 1)
        let thin = ls_stroke(x0: 1, y0: 1, x1: 5, y1: 5, radius: .nan)
        let negative = ls_stroke(x0: 1, y0: 1, x1: 5, y1: 5, radius: -2)
        #expect(draw(8, 8, [good]) == draw(8, 8, [far, good, none, thin, negative]))
        #expect(draw(8, 8, [good]).contains(255))
        #expect(draw(8, 8, []).allSatisfy { $0 == 0 })
    }
}
