import LockstepCore
import LockstepData
import Testing

/// What image networks learn from: `crop: 4` and `flip` of 32 × 32 × 3, as a random crop after padding by 4 and a random
/// mirror make them.
@Suite struct CropAndFlipTests {
    private let size = 32
    private let channels = 3

    /// No two numbers are alike, and none is 0.
    private var image: [Float] { (0..<size * size * channels).map { Float($0 + 1) } }

    private func window(_ rows: Int, _ columns: Int, isMirrored: Bool) -> [Float] {
        let image = image
        return (0..<image.count).map { index in
            let column = index / channels % size
            let (y, x) = (index / channels / size + rows, (isMirrored ? size - 1 - column : column) + columns)
            guard (0..<size).contains(y), (0..<size).contains(x) else { return 0 }
            return image[(y * size + x) * channels + index % channels]
        }
    }

    @Test func everySampleIsAWindowOfItsOwn() {
        let transforms = Transforms([.crop(padding: 4), .flip])
        var (mirrored, places) = (0, Set<Int>())
        let samples = 120
        for sample in 0..<samples {
            for epoch in 1...2 {
                var pixels = image
                transforms.apply(to: &pixels, shape: [size, size, channels], seed: 9, epoch: epoch, sample: sample)
                // The centre tells the place, its neighbour the direction; the rest must follow.
                let centre = 16 * size + 16
                let (here, next) = (Int(pixels[centre * 3] - 1) / 3, Int(pixels[(centre + 1) * 3] - 1) / 3)
                let isMirrored = next < here
                let columns = here % size - (isMirrored ? 15 : 16)
                #expect(pixels == window(here / size - 16, columns, isMirrored: isMirrored), "sample \(sample)")
                #expect((-4...4).contains(columns) && (-4...4).contains(here / size - 16))
                mirrored += isMirrored ? 1 : 0
                places.insert(here)
                var again = image
                transforms.apply(to: &again, shape: [size, size, channels], seed: 9, epoch: epoch, sample: sample)
                #expect(again == pixels)
            }
        }
        #expect((80...160).contains(mirrored) && places.count > 70)
    }
}
