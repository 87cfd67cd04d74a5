internal import LockstepCore

/// Equal windows of a long row of tokens, each with one token more behind it, so that every position has a successor.
struct SequenceWindows: Sendable {
    /// Tokens of an input.
    let context: Int
    /// From the start of a window to the start of the next.
    let stride: Int
    /// The tokens that windows and their successors are taken from.
    let range: Range<Int>

    /// Longer inputs are refused.
    private static let maximumContext = 1 << 20

    /// - Parameters:
    ///   - source: the name of the source, which is that of what it counts.
    ///   - known: the shape of the training's inputs; its context is the default.
    ///   - count: tokens of the file.
    ///   - from: where the part of the file begins, as a share of it.
    /// - Throws: a usage error where a setting is impossible or not one window fits.
    init(
        _ source: String, of file: String, context: Int?, stride: Int?, known: [Int]?, count: Int, from: Double,
        to: Double
    ) throws(CommandError) {
        guard let context = context ?? (known?.count == 1 ? known?.first : nil) else {
            throw .usage("\(source): how many \(source) an input has is missing; add context: 64")
        }
        guard (1...SequenceWindows.maximumContext).contains(context) else {
            throw .usage("\(source): a context of \(context); give from 1 to \(SequenceWindows.maximumContext)")
        }
        let stride = stride ?? context
        guard stride > 0 else { throw .usage("\(source): a stride of \(stride); give at least 1") }
        guard from >= 0, from < to, to <= 1 else {
            throw .usage("\(source): the part from \(from) to \(to) is impossible; stay within 0 to 1, from before to")
        }
        let start = Double(count) * from
        let end = Double(count) * to
        range = Int(start)..<Int(end)
        guard range.count > context else {
            throw .usage(
                "“\(file.escapedForDisplay())”: its part from \(from) to \(to) has \(range.count) \(source), but a context of \(context) needs \(context + 1); give a longer text or a smaller context"
            )
        }
        self.context = context
        self.stride = stride
    }

    /// How many windows there are; tokens behind the last one are not used.
    var count: Int { (range.count - context - 1) / stride + 1 }

    /// Where a window begins.
    func start(of window: Int) -> Int { range.lowerBound + window * stride }
}
