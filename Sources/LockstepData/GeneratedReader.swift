internal import LockstepCore

/// Samples that are computed when they are read.
struct GeneratedReader: SampleReader {
    typealias Draw =
        @Sendable (_ sample: Int, _ input: UnsafeMutablePointer<Float>, _ target: UnsafeMutableRawPointer) -> Void

    let count: Int
    let inputShape: [Int]
    let target: SampleTarget
    let tokenCount: Int?
    let contentDigest: Digest
    private let draw: Draw

    private static let maximumCount = 1_000_000_000

    /// - Parameters:
    ///   - description: decides about all samples; its first word names the source.
    ///   - tokenCount: where inputs are tokens, how many there can be.
    ///   - draw: for `classes(n)`, the class of sample i must be i % n.
    /// - Throws: a usage error where the count is impossible.
    init(
        _ description: String, count: Int, inputShape: [Int], target: SampleTarget, tokenCount: Int? = nil,
        draw: @escaping Draw
    ) throws(CommandError) {
        guard (1...GeneratedReader.maximumCount).contains(count) else {
            let source = description.prefix { $0 != " " }
            throw .usage("\(source): the count is \(count); give one from 1 to \(GeneratedReader.maximumCount)")
        }
        self.count = count
        self.inputShape = inputShape
        self.target = target
        self.tokenCount = tokenCount
        self.draw = draw
        var digest = DigestBuilder()
        digest.update(description)
        contentDigest = digest.finalize()
    }

    var greatestLabelSample: Int {
        switch target {
        case .classes(let classes): min(count, classes) - 1
        case .values, .classSequence: 0
        }
    }

    var preprocessing: Preprocessing {
        Preprocessing(
            inputShape: inputShape, target: target, images: inputShape.count == 3 ? ImagePreprocessing() : nil,
            tokens: tokenCount == nil ? nil : .numbers)
    }

    func read(_ sample: Int, input: UnsafeMutablePointer<Float>, target: UnsafeMutableRawPointer) {
        draw(sample, input, target)
    }

    /// Checks a setting of a generator.
    static func check(_ isPossible: Bool, _ message: @autoclosure () -> String) throws(CommandError) {
        guard isPossible else { throw .usage(message()) }
    }
}
