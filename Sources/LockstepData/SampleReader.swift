public import LockstepCore

/// Numbered samples, each an input and a target. Any thread may read any sample at any time.
public protocol SampleReader: Sendable {
    /// How many samples there are, at least 1.
    var count: Int { get }

    /// The extents of one input; images are height × width × channels.
    var inputShape: [Int] { get }

    /// What a sample's target is.
    var target: SampleTarget { get }

    /// Where inputs are tokens, whole numbers from 0: how many there can be; nil where they are other numbers.
    var tokenCount: Int? { get }

    /// The first sample of the greatest class, so that a message can name it; 0 where targets are values.
    var greatestLabelSample: Int { get }

    /// A digest of what `read` gives, equal however the data is stored.
    var contentDigest: Digest { get }

    /// What test data and predictions need to become inputs like these.
    var preprocessing: Preprocessing { get }

    /// Writes a sample.
    ///
    /// - Parameters:
    ///   - sample: in 0 ..< count.
    ///   - input: room for the product of `inputShape`, filled row-major; pixels are scaled to 0 … 1.
    ///   - target: aligned room for `target.elementCount` words, filled with `Int32`s or with `Float`s.
    func read(_ sample: Int, input: UnsafeMutablePointer<Float>, target: UnsafeMutableRawPointer)

    /// The same samples, with what is fitted to data (means, deviations, categories) fitted to some of them alone.
    ///
    /// - Parameter samples: numbers of samples, increasing, at least one.
    /// - Throws: a usage error where their values cannot be normalised.
    func fitted(to samples: [UInt32]) throws(CommandError) -> any SampleReader
}

extension SampleReader {
    /// Most data has no tokens.
    public var tokenCount: Int? { nil }

    /// Most data has nothing that is fitted.
    public func fitted(to samples: [UInt32]) throws(CommandError) -> any SampleReader { self }

    /// How many numbers one input has.
    package var inputCount: Int { inputShape.reduce(1, *) }
}
