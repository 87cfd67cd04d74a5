internal import LockstepCore
internal import Synchronization

/// Draws glyphs when they are first read, and keeps them where they are not too many.
final class GlyphReader: SampleReader {
    let count: Int
    let contentDigest: Digest
    private let artist: GlyphArtist
    private let drawn: Mutex<Drawn>

    /// The images that exist already; none is kept where all of them would take more than `maximumBytes`.
    private struct Drawn {
        static let maximumBytes = 256 << 20
        var isKept: [Bool]
        var pixels: [UInt8]
    }

    /// - Parameter glyphs: a count of at least 1.
    init(_ glyphs: Glyphs) {
        count = glyphs.count
        artist = GlyphArtist(seed: glyphs.seed, part: glyphs.part)
        var digest = DigestBuilder()
        digest.update(glyphs.canonicalDescription)
        contentDigest = digest.finalize()
        let kept = count <= Drawn.maximumBytes / GlyphArtist.pixelCount ? count : 0
        drawn = Mutex(
            Drawn(
                isKept: Array(repeating: false, count: kept),
                pixels: Array(repeating: 0, count: kept * GlyphArtist.pixelCount)))
    }

    var inputShape: [Int] { [GlyphArtist.side, GlyphArtist.side, 1] }
    var target: SampleTarget { .classes(GlyphSkeleton.ofDigit.count) }
    var greatestLabelSample: Int { min(count, GlyphSkeleton.ofDigit.count) - 1 }
    var preprocessing: Preprocessing {
        Preprocessing(inputShape: inputShape, target: target, images: ImagePreprocessing())
    }

    func read(_ sample: Int, input: UnsafeMutablePointer<Float>, target: UnsafeMutableRawPointer) {
        target.storeBytes(of: Int32(GlyphArtist.digit(of: sample)), as: Int32.self)
        let range = sample * GlyphArtist.pixelCount..<(sample + 1) * GlyphArtist.pixelCount
        let isFound = drawn.withLock { drawn in
            guard sample < drawn.isKept.count, drawn.isKept[sample] else { return false }
            drawn.pixels[range].withUnsafeBufferPointer { PixelScale.write($0, to: input) }
            return true
        }
        if isFound { return }

        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: GlyphArtist.pixelCount) { pixels in
            artist.draw(sample, into: pixels)
            PixelScale.write(UnsafeBufferPointer(pixels), to: input)
            drawn.withLock { drawn in
                guard sample < drawn.isKept.count else { return }
                for (offset, pixel) in pixels.enumerated() { drawn.pixels[range.lowerBound + offset] = pixel }
                drawn.isKept[sample] = true
            }
        }
    }
}
