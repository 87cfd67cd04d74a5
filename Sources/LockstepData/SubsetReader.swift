public import LockstepCore

/// Some samples of another reader.
public struct SubsetReader: SampleReader {
    /// The reader that has all the samples.
    package let base: any SampleReader
    /// The numbers of the samples in `base`.
    package let samples: [UInt32]
    public let contentDigest: Digest
    public let greatestLabelSample: Int

    /// - Parameter samples: numbers of samples of `base`, at least one.
    package init(_ base: any SampleReader, samples: [UInt32]) {
        precondition(samples.allSatisfy { Int($0) < base.count } && !samples.isEmpty, "samples of the reader")
        self.base = base
        self.samples = samples
        greatestLabelSample = samples.firstIndex { Int($0) == base.greatestLabelSample } ?? 0
        var digest = DigestBuilder()
        digest.update("subset")
        digest.update(base.contentDigest.bytes)
        digest.update(UInt64(samples.count))
        for sample in samples { digest.update(sample) }
        contentDigest = digest.finalize()
    }

    public var count: Int { samples.count }
    public var inputShape: [Int] { base.inputShape }

    /// That of `base`: a class may have all its samples in the other part.
    public var target: SampleTarget { base.target }

    public var tokenCount: Int? { base.tokenCount }

    public var preprocessing: Preprocessing { base.preprocessing }

    public func read(_ sample: Int, input: UnsafeMutablePointer<Float>, target: UnsafeMutableRawPointer) {
        base.read(Int(samples[sample]), input: input, target: target)
    }

    public func fitted(to chosen: [UInt32]) throws(CommandError) -> any SampleReader {
        let fitted = try base.fitted(to: chosen.map { samples[Int($0)] }.sorted())
        return SubsetReader(fitted, samples: samples)
    }
}
