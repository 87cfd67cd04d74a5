public import LockstepCore
internal import LockstepFormats

/// A long row of token numbers that some tokenizer has made; the target of each position is the token that follows.
///
/// An npy file says itself how its whole numbers are stored; any other file has nothing but the numbers, little-endian.
/// Either may be compressed with gzip.
public struct Tokens: DataSource, Hashable {
    /// How the numbers of a file without a header are stored.
    public enum Element: String, Sendable, Hashable, CaseIterable {
        case u8, u16, u32
    }

    /// The path of the file.
    public var path: String
    public var type: Element
    /// Tokens of an input; nil: as many as the training's.
    public var context: Int?
    /// From the start of an input to that of the next; nil: the context, so that every token is used once.
    public var stride: Int?
    /// How many tokens the tokenizer has; nil: one more than the greatest in the file.
    public var vocabulary: Int?
    /// Where the part of the file begins that is used, as a share of it.
    public var from: Double
    /// Where it ends.
    public var to: Double

    public init(
        path: String, type: Element = .u16, context: Int?, stride: Int? = nil, vocabulary: Int? = nil,
        from: Double = 0, to: Double = 1
    ) {
        self.path = path
        self.type = type
        self.context = context
        self.stride = stride
        self.vocabulary = vocabulary
        self.from = from
        self.to = to
    }

    public var paths: [DataPath] { [.file(path)] }

    public var canonicalDescription: String {
        func shown(_ number: Int?) -> String { number.map { "\($0)" } ?? "any" }
        return "tokens type \(type.rawValue) context \(shown(context)) stride \(shown(stride)) "
            + "vocabulary \(shown(vocabulary)) from \(from) to \(to)"
    }

    public func open(files: [DataFile], preprocessing: Preprocessing?) throws(CommandError) -> any SampleReader {
        try check(files, "tokens")
        let file = files[0]
        let contents = try file.contents()
        let tokens: TensorView
        let greatest: Int
        do {
            (tokens, greatest) = try TokenFormat.read(contents, type: type.tensorType)
        } catch {
            throw file.refusal("\(error)")
        }
        let windows = try SequenceWindows(
            "tokens", of: file.name, context: context, stride: stride, known: preprocessing?.inputShape,
            count: tokens.count, from: from, to: to)
        let classes = vocabulary ?? greatest + 1
        guard greatest < classes else {
            throw file.refusal(
                "token \(greatest) in it is beyond the vocabulary of \(classes); give vocabulary at least \(greatest + 1)"
            )
        }
        return SequenceReader(tokens, windows: windows, classes: classes, kind: .numbers)
    }
}

extension Tokens.Element {
    fileprivate var tensorType: TensorType {
        switch self {
        case .u8: .uint8
        case .u16: .uint16
        case .u32: .uint32
        }
    }
}
