public import LockstepCore

/// Numbered samples, each an input and a label. Any thread may read any sample at any time.
public protocol SampleReader: Sendable {
    /// How many samples there are, at least 1.
    var count: Int { get }

    /// The extents of one input; images are height × width × channels.
    var inputShape: [Int] { get }

    /// Labels lie in 0 ..< classCount.
    var classCount: Int { get }

    /// The first sample that has the greatest label, so that a message can name it.
    var greatestLabelSample: Int { get }

    /// A digest of what `read` gives, equal however the data is stored.
    var contentDigest: Digest { get }

    /// Writes a sample's input, row-major, pixels scaled to 0 … 1.
    ///
    /// - Parameters:
    ///   - sample: in 0 ..< count.
    ///   - input: room for the product of `inputShape`.
    /// - Returns: the sample's label.
    func read(_ sample: Int, into input: UnsafeMutablePointer<Float>) -> Int32
}
