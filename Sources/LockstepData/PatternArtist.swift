internal import LockstepCore

/// Draws the images of `Patterns`: every operation is rounded once.
struct PatternArtist {
    let classes: Int
    private let height: Int
    private let width: Int
    private let channels: Int
    private let generator: Philox
    private let site: UInt32

    /// Patches down and across; images show all but one, shifted by up to one.
    private static let patches = 9

    init(_ patterns: Patterns) {
        classes = patterns.classes
        height = patterns.height
        width = patterns.width
        channels = patterns.channels
        generator = Philox(seed: patterns.seed, purpose: .generatedData)
        site = GeneratorSite.patterns.samples(of: patterns.part)
    }

    /// Where a row or column lies between two patches.
    private struct Place {
        let first: Int
        let share: Float
        let rest: Float
    }

    func draw(_ sample: Int, into output: UnsafeMutablePointer<Float>) {
        var shared = SampleRandom(generator, site: GeneratorSite.patterns.shared, index: UInt64(sample % classes))
        let shades = (0..<PatternArtist.patches * PatternArtist.patches * channels).map { _ in
            shared.uniform(0.1, 0.9)
        }
        var random = SampleRandom(generator, site: site, index: UInt64(sample))
        let rows = PatternArtist.places(height, shift: random.uniform(0, 1))
        let columns = PatternArtist.places(width, shift: random.uniform(0, 1))
        let line = PatternArtist.patches * channels
        var bytes: UInt32 = 0
        var index = 0
        shades.withUnsafeBufferPointer { shades in
            for row in rows {
                let upper = row.first * line
                let lower = upper + line
                for column in columns {
                    let left = column.first * channels
                    let right = left + channels
                    for channel in 0..<channels {
                        let upperLeft = shades[upper + left + channel] * column.rest
                        let upperRight = shades[upper + right + channel] * column.share
                        let lowerLeft = shades[lower + left + channel] * column.rest
                        let lowerRight = shades[lower + right + channel] * column.share
                        let above = (upperLeft + upperRight) * row.rest
                        let below = (lowerLeft + lowerRight) * row.share
                        bytes = index % 4 == 0 ? random.word() : bytes >> 8
                        // Less than 0.1 either way: with the shades, 0 … 1 is never left.
                        let grain = Float(Int32(bytes & 255) - 128) * 0x1.8p-11
                        let shade = above + below
                        output[index] = shade + grain
                        index += 1
                    }
                }
            }
        }
    }

    private static func places(_ extent: Int, shift: Float) -> [Place] {
        (0..<extent).map { index in
            let scaled = Float(index) * Float(patches - 2) / Float(extent)
            let place = scaled + shift
            let first = min(Int(place), patches - 2)
            let share = place - Float(first)
            return Place(first: first, share: share, rest: 1 - share)
        }
    }
}
