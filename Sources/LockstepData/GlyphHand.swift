/// How one image was written: where a point of a skeleton comes to lie on the paper.
struct GlyphHand {
    private let scale: SIMD2<Float>
    private let slant: Float
    private let cosine: Float
    private let sine: Float
    private let centre: SIMD2<Float>
    private let bends: [Bend]

    /// A slow wave across the paper that moves points along one axis.
    private struct Bend {
        let across: SIMD2<Float>
        let phase: Float
        let shift: SIMD2<Float>

        init(_ random: inout SampleRandom, along axis: SIMD2<Float>) {
            across = [random.uniform(-0.9, 0.9), random.uniform(-0.9, 0.9)]
            phase = random.uniform(0, 1)
            shift = axis * random.bell(0.030)
        }

        func displacement(at point: SIMD2<Float>) -> SIMD2<Float> {
            let way = across * point
            return shift * Bend.wave(way.x + way.y + phase)
        }

        /// A wave of period 1 between −1 and 1, of parabolas; `turns` is above −16.
        private static func wave(_ turns: Float) -> Float {
            let positive = turns + 16
            let fraction = positive - Float(Int32(positive))
            let centred = fraction * 2 - 1
            return 4 * centred * (1 - abs(centred))
        }
    }

    init(_ random: inout SampleRandom) {
        let height = random.uniform(16.5, 21.5)
        let aspect = random.uniform(0.62, 1.05)
        scale = [height * aspect, height]
        slant = random.bell(0.16)
        // Half the tangent of the angle gives sine and cosine by division alone.
        let half = random.bell(0.045)
        let square = half * half
        cosine = (1 - square) / (1 + square)
        sine = (half + half) / (1 + square)
        centre = [14 + random.bell(0.9), 14 + random.bell(0.9)]
        bends = [
            Bend(&random, along: [1, 0]), Bend(&random, along: [1, 0]),
            Bend(&random, along: [0, 1]), Bend(&random, along: [0, 1]),
        ]
    }

    /// - Parameter point: in the box of skeletons, or a little outside.
    /// - Returns: the place in pixels, (0, 0) being the upper left corner of the paper.
    func place(_ point: SIMD2<Float>) -> SIMD2<Float> {
        var bent = point
        for bend in bends { bent += bend.displacement(at: point) }
        let sized = (bent - 0.5) * scale
        let lean = sized.y * slant
        let leaning = SIMD2(sized.x - lean, sized.y)
        let along = leaning * cosine
        let across = leaning * sine
        return centre + SIMD2(along.x - across.y, along.y + across.x)
    }
}
