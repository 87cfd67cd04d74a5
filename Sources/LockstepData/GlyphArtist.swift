internal import CLockstepKernels
internal import LockstepCore

/// Draws one image as a function of seed, part and index, with the same bits on every machine.
///
/// Every step is a single rounded operation on 32-bit floats or whole numbers; there is no product of a sum that a
/// compiler could fuse, and no function of a mathematics library.
struct GlyphArtist {
    /// Any change of a pixel is a new version: it enters the digest of the data.
    static let version = 1
    static let side = 28
    static let pixelCount = side * side

    private let generator: Philox
    private let site: UInt32

    init(seed: UInt64, part: Glyphs.Part) {
        generator = Philox(seed: seed, purpose: .glyphs)
        site = part.site
    }

    /// The digits take turns.
    static func digit(of index: Int) -> Int { index % GlyphSkeleton.ofDigit.count }

    /// Draws image `index` into `pixels`, which has room for all of them; 0 is paper, 255 full ink.
    func draw(_ index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) {
        var random = SampleRandom(generator, site: site, index: UInt64(index))
        let skeletons = GlyphSkeleton.ofDigit[GlyphArtist.digit(of: index)]
        let skeleton = skeletons[random.choice(skeletons.count)]
        let hand = GlyphHand(&random)
        let radius = random.uniform(0.7, 1.7)
        let swelling = random.uniform(-0.25, 0.25)

        var segments: [ls_stroke] = []
        segments.reserveCapacity(64)
        for stroke in skeleton.strokes {
            let path = GlyphArtist.path(of: stroke, &random).map { hand.place($0) }
            for end in path.indices.dropFirst() {
                // The pen presses harder at one end of a stroke than at the other.
                let along = Float(2 * end - path.count) / Float(path.count)
                let change = swelling * along
                let (from, to) = (path[end - 1], path[end])
                segments.append(ls_stroke(x0: from.x, y0: from.y, x1: to.x, y1: to.y, radius: radius * (1 + change)))
            }
        }
        ls_draw_strokes(GlyphArtist.side, GlyphArtist.side, segments, segments.count, pixels.baseAddress)
        GlyphArtist.soil(pixels, &random)
    }

    /// The corners of a stroke, each moved a little by chance; curves become short straight pieces.
    private static func path(of stroke: GlyphSkeleton.Stroke, _ random: inout SampleRandom) -> [SIMD2<Float>] {
        func moved(_ points: [SIMD2<Float>]) -> [SIMD2<Float>] {
            points.map { $0 + SIMD2(random.bell(0.035), random.bell(0.030)) }
        }
        switch stroke {
        case .line(let points): return subdivided(moved(points))
        case .curve(let points): return smoothed(moved(points))
        }
    }

    /// Cuts straight pieces into quarters, so that they can bend.
    private static func subdivided(_ points: [SIMD2<Float>]) -> [SIMD2<Float>] {
        var path = [points[0]]
        for index in points.indices.dropFirst() {
            let (from, to) = (points[index - 1], points[index])
            for quarter in 1...4 {
                let way = (to - from) * (Float(quarter) / 4)
                path.append(from + way)
            }
        }
        return path
    }

    /// A Catmull-Rom spline through `points`, three pieces from point to point.
    private static func smoothed(_ points: [SIMD2<Float>]) -> [SIMD2<Float>] {
        let last = points.count - 1
        var path = [points[0]]
        for index in 1...last {
            let (from, to) = (points[index - 1], points[index])
            let before = index > 1 ? points[index - 2] : from
            let after = index < last ? points[index + 1] : to
            for weights in splineWeights {
                let left = before * weights.x + from * weights.y
                let right = to * weights.z + after * weights.w
                path.append(left + right)
            }
            path.append(to)
        }
        return path
    }

    /// What the four points around a piece count for at one third and two thirds of the way, in 54ths: the basis
    /// (−t + 2t² − t³)/2, (2 − 5t² + 3t³)/2, (t + 4t² − 3t³)/2, (−t² + t³)/2.
    private static let splineWeights: [SIMD4<Float>] = [
        SIMD4<Float>(-4, 42, 18, -2) / 54,
        SIMD4<Float>(-2, 18, 42, -4) / 54,
    ]

    /// Paler ink and grain, in whole numbers.
    private static func soil(_ pixels: UnsafeMutableBufferPointer<UInt8>, _ random: inout SampleRandom) {
        let ink = 175 + random.choice(81)
        let grain = 4 + random.choice(30)
        var bytes: UInt32 = 0
        for index in pixels.indices {
            bytes = index % 4 == 0 ? random.word() : bytes >> 8
            let noise = ((Int(bytes & 255) - 128) * grain) >> 7
            let shade = (Int(pixels[index]) * ink + 127) / 255
            pixels[index] = UInt8(max(0, min(255, shade + noise)))
        }
    }
}
