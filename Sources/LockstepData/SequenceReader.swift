internal import LockstepCore
internal import LockstepFormats

/// Windows of a long row of tokens; the targets are the tokens that follow each position.
struct SequenceReader: SampleReader {
    let contentDigest: Digest
    let preprocessing: Preprocessing
    private let tokens: TensorView
    private let windows: SequenceWindows
    private let classes: Int

    /// - Parameters:
    ///   - tokens: whole numbers below `classes`, of one dimension.
    init(_ tokens: TensorView, windows: SequenceWindows, classes: Int, kind: TokenKind) {
        self.tokens = tokens
        self.windows = windows
        self.classes = classes
        preprocessing = Preprocessing(
            inputShape: [windows.context], target: .classSequence(classes: classes, length: windows.context),
            tokens: kind)
        var digest = DigestBuilder()
        digest.update("token sequences")
        for number in [windows.context, windows.stride, windows.range.count] { digest.update(UInt64(number)) }
        SequenceReader.update(&digest, tokens, windows.range)
        contentDigest = digest.finalize()
    }

    var count: Int { windows.count }
    var inputShape: [Int] { preprocessing.inputShape }
    var target: SampleTarget { preprocessing.target }
    var tokenCount: Int? { classes }
    var greatestLabelSample: Int { 0 }

    func read(_ sample: Int, input: UnsafeMutablePointer<Float>, target: UnsafeMutableRawPointer) {
        let start = windows.start(of: sample)
        let end = start + windows.context
        tokens.copyFloats(start..<end, to: input)
        let labels = target.assumingMemoryBound(to: Int32.self)
        // All but the last label are inputs already, exact whole numbers.
        for position in 0..<windows.context - 1 { labels[position] = Int32(input[position + 1]) }
        labels[windows.context - 1] = Int32(truncatingIfNeeded: tokens.int(at: end) ?? 0)
    }

    /// The tokens as four bytes each, whatever their type.
    private static func update(_ digest: inout DigestBuilder, _ tokens: TensorView, _ range: Range<Int>) {
        let block = 4096
        for start in stride(from: range.lowerBound, to: range.upperBound, by: block) {
            let words = (start..<min(start + block, range.upperBound)).map {
                UInt32(truncatingIfNeeded: tokens.int(at: $0) ?? 0).littleEndian
            }
            words.withUnsafeBytes { digest.update($0) }
        }
    }
}
