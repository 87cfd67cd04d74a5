package import LockstepCore

/// What happens to images before they are learned from, in order.
///
/// Every random choice is a function of (seed, epoch, sample) and the place of the transform in the list, so the same
/// sample of the same epoch looks the same wherever it is read. Only `normalize` happens outside training, too.
public struct Transforms: Sendable, Hashable {
    public enum Transform: Sendable, Hashable {
        /// Moves the image by up to `padding` pixels each way; what enters is 0.
        case crop(padding: Int)
        /// Mirrors every other image, left to right.
        case flip
        /// Turns the image about its centre by up to so many degrees either way; what enters is 0.
        case rotate(degrees: Double)
        /// Enlarges the image about its centre by a factor; what enters is 0.
        case scale(ClosedRange<Double>)
        /// Multiplies all pixels by a factor; what leaves 0 … 1 is cut.
        case brightness(ClosedRange<Double>)
        /// Subtracts the mean from every pixel and divides by the deviation; one number, or one a channel. Stands last.
        case normalize(mean: [Double], deviation: [Double])
    }

    public var steps: [Transform]

    public init(_ steps: [Transform] = []) { self.steps = steps }

    /// Any change of a result is a new version.
    private static let version = 1

    /// Everything that decides about the results but the seed, as one line.
    public var canonicalDescription: String {
        guard !steps.isEmpty else { return "none" }
        return "version \(Transforms.version) " + steps.map(\.canonicalDescription).joined(separator: " ")
    }

    /// What is done to every image, also outside training.
    package var normalization: ImagePreprocessing.Normalization? {
        guard case .normalize(let mean, let deviation)? = steps.last else { return nil }
        return ImagePreprocessing.Normalization(mean: mean, deviation: deviation)
    }

    /// Checks the settings.
    ///
    /// - Parameter inputShape: of the samples.
    /// - Throws: a usage error that says how to mend them.
    package func validate(inputShape: [Int]) throws(CommandError) {
        guard !steps.isEmpty else { return }
        guard inputShape.count == 3 else {
            throw .usage("transforms are for images; samples of shape \(inputShape) are none; remove the transforms")
        }
        for (index, step) in steps.enumerated() {
            if case .normalize = step, index != steps.count - 1 {
                throw .usage("transforms: normalize comes last; move it to the end")
            }
            if let flaw = step.flaw(shape: inputShape) { throw .usage("transforms: \(step.name): \(flaw)") }
        }
    }

    /// Transforms a sample for training, in place.
    ///
    /// - Parameters:
    ///   - pixels: height × width × channels.
    ///   - shape: three extents, for which `validate` passed.
    ///   - epoch: counted from 1.
    ///   - sample: its number in the training data.
    package func apply(
        to pixels: UnsafeMutablePointer<Float>, shape: [Int], seed: UInt64, epoch: Int, sample: Int
    ) {
        guard !steps.isEmpty else { return }
        let image = ImagePixels(pixels, shape: shape)
        let generator = Philox(seed: seed, purpose: .augmentation)
        for (site, step) in steps.enumerated() {
            let words = generator.block([
                UInt32(truncatingIfNeeded: sample), UInt32(truncatingIfNeeded: sample >> 32),
                UInt32(truncatingIfNeeded: epoch), UInt32(truncatingIfNeeded: site),
            ])
            step.apply(to: image, words)
        }
    }

    /// Does to a sample what is done outside training, in place.
    package func applyInEvaluation(to pixels: UnsafeMutablePointer<Float>, shape: [Int]) {
        if let normalization { ImagePixels(pixels, shape: shape).normalize(normalization) }
    }
}
