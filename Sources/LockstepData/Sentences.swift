public import LockstepCore

/// Texts that praise or blame, written by the program itself, as rows of token numbers.
///
/// They say it in words of their own among many that mean nothing, with negations and with second thoughts, so that the
/// order of the words matters. Classes take turns: 0 is `negative`, 1 `positive`. The tokenizer is that of `Text`.
public struct Sentences: DataSource, Hashable {
    /// How many texts.
    public var count: Int
    /// Tokens of an input; a text has at least half as many words.
    public var length: Int
    /// Tokens at most, padding and the unknown word among them.
    public var vocabulary: Int
    public var padding: TextPadding
    public var part: DataPart
    /// Of the texts, not of the training.
    public var seed: UInt64

    public init(
        count: Int, length: Int = 24, vocabulary: Int = 10_000, padding: TextPadding = .pre,
        part: DataPart = .train, seed: UInt64 = 1
    ) {
        self.count = count
        self.length = length
        self.vocabulary = vocabulary
        self.padding = padding
        self.part = part
        self.seed = seed
    }

    public var paths: [DataPath] { [] }

    public var canonicalDescription: String {
        "sentences version \(SentenceAuthor.version) count \(count) length \(length) vocabulary \(vocabulary) "
            + "padding \(padding.rawValue) part \(part.rawValue) seed \(seed)"
    }

    private static let classNames = ["negative", "positive"]

    public func open(files: [DataFile], preprocessing: Preprocessing?) throws(CommandError) -> any SampleReader {
        try check(files, "sentences")
        let fit = TextReader.Fit(column: nil, vocabulary: vocabulary, length: length, padding: padding)
        try fit.validate("sentences")
        // All of them are held in memory.
        try GeneratedReader.check(
            (1...10_000_000).contains(count), "sentences: the count is \(count); give one from 1 to 10000000")
        let author = SentenceAuthor(self)
        var rows = TextRows(
            labels: .classes((0..<count).map { Int32($0 % 2) }, names: Sentences.classNames))
        for sample in 0..<count { rows.append(author.words(of: sample, isPraise: sample % 2 == 1)) }
        guard let preprocessing else { return TextReader(rows, fittedTo: nil, fit) }
        guard let known = preprocessing.text, preprocessing.classNames == Sentences.classNames else {
            throw .usage("sentences: the training data are none; give data of the same kind")
        }
        return TextReader(rows, text: known, preprocessing: preprocessing)
    }
}
