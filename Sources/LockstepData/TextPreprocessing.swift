/// How texts become rows of token numbers: 0 is padding, 1 is any word that is not known, then the known words follow.
public struct TextPreprocessing: Sendable, Hashable, Codable {
    /// The column of a table that holds the texts; nil where the program made them.
    public var column: String?
    /// The known words by number: the first is token 2.
    public var words: [String]
    /// Tokens of an input.
    public var length: Int
    public var padding: TextPadding

    public init(column: String?, words: [String], length: Int, padding: TextPadding) {
        self.column = column
        self.words = words
        self.length = length
        self.padding = padding
    }

    static let paddingToken: Int32 = 0
    static let unknownToken: Int32 = 1
    static let firstWordToken: Int32 = 2
    static let lengths = 1...1 << 16
    /// How many tokens a tokenizer can have: a snapshot's manifest holds them all.
    static let vocabularies = 3...1 << 17
    /// Longer words are never known.
    static let longestWord = 64

    /// How many tokens there are.
    var tokenCount: Int { words.count + Int(TextPreprocessing.firstWordToken) }

    /// Writes an input.
    ///
    /// - Parameter tokens: of a text, as many as it has.
    func write(_ tokens: some RandomAccessCollection<Int32>, to input: UnsafeMutablePointer<Float>) {
        let kept: Int = min(tokens.count, length)
        let first = padding == .pre ? length - kept : 0
        input.update(repeating: Float(TextPreprocessing.paddingToken), count: length)
        let chosen = padding == .pre ? tokens.suffix(kept) : tokens.prefix(kept)
        for (place, token) in chosen.enumerated() { input[first + place] = Float(token) }
    }

    /// Whether what came from a file can be used.
    var isSound: Bool {
        TextPreprocessing.lengths.contains(length) && tokenCount <= TextPreprocessing.vocabularies.upperBound
            && words.allSatisfy { (1...TextPreprocessing.longestWord).contains($0.utf8.count) }
    }
}
