package import LockstepCore

/// Takes part of the training data away for validation, by key: which samples they are depends on the seed, their
/// number and the fraction alone.
///
/// What is fitted to data is fitted to the training part: a reader is opened over the whole file, split, and fitted
/// again without the samples of the validation part.
public struct Split: Sendable, Hashable {
    /// The validation part, above 0 and below 1.
    public var fraction: Double

    public init(_ fraction: Double) { self.fraction = fraction }

    /// Everything that decides about the split but the seed, as one line.
    public var canonicalDescription: String { "split \(fraction)" }

    /// The two parts of the numbers 0 ..< count, each increasing. The validation part is the first ⌊count · fraction⌋
    /// of a keyed permutation; the product is rounded to a `Double` before.
    ///
    /// - Throws: a usage error where the fraction is impossible or leaves a part empty.
    package func members(of count: Int, seed: UInt64) throws(CommandError) -> (training: [UInt32], validation: [UInt32])
    {
        guard fraction > 0, fraction < 1 else {
            throw .usage("a validation split of \(fraction) is impossible; give a fraction between 0 and 1, like 0.1")
        }
        let product = Double(count) * fraction
        let validationCount = Int(product)
        guard validationCount > 0, validationCount < count else {
            throw .usage(
                "a validation split of \(fraction) leaves no sample in one part of \(count); give another fraction")
        }
        guard count <= Int(UInt32.max) else { throw .usage("\(count) samples are too many to split") }

        // A purpose of its own keeps the split independent of the order of training under the same seed.
        let key = Philox(seed: seed, purpose: .split).key
        let permutation = Permutation(count: count, seed: UInt64(key.x) | UInt64(key.y) << 32, epoch: 0)
        var isValidation = Array(repeating: false, count: count)
        for position in 0..<validationCount { isValidation[permutation[position]] = true }
        var training: [UInt32] = []
        var validation: [UInt32] = []
        training.reserveCapacity(count - validationCount)
        validation.reserveCapacity(validationCount)
        for sample in 0..<count {
            if isValidation[sample] { validation.append(UInt32(sample)) } else { training.append(UInt32(sample)) }
        }
        return (training, validation)
    }

    /// Splits the samples of a reader, each part in the order of the reader.
    ///
    /// - Throws: a usage error where a part would be empty or the training part cannot be normalised.
    package func apply(
        to reader: any SampleReader, seed: UInt64
    ) throws(CommandError) -> (training: SubsetReader, validation: SubsetReader) {
        let (training, validation) = try members(of: reader.count, seed: seed)
        let fitted = try reader.fitted(to: training)
        return (SubsetReader(fitted, samples: training), SubsetReader(fitted, samples: validation))
    }
}
