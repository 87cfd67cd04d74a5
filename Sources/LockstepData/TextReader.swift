internal import LockstepCore

/// Texts as rows of token numbers.
struct TextReader: SampleReader {
    let contentDigest: Digest
    let preprocessing: Preprocessing
    let greatestLabelSample: Int
    private let rows: TextRows
    private let text: TextPreprocessing
    /// For each word of the rows its token.
    private let tokens: [Int32]
    /// Whether this is the training data, to which the tokenizer is fitted.
    private let fit: Fit?

    /// The settings of a tokenizer.
    struct Fit: Sendable {
        let column: String?
        /// Tokens at most, padding and the unknown word among them.
        let vocabulary: Int
        let length: Int
        let padding: TextPadding

        /// - Throws: a usage error that names the setting.
        func validate(_ source: String) throws(CommandError) {
            guard TextPreprocessing.vocabularies.contains(vocabulary) else {
                throw .usage("\(source): a vocabulary of \(vocabulary); give from 3 to \(1 << 17)")
            }
            guard TextPreprocessing.lengths.contains(length) else {
                throw .usage("\(source): a length of \(length) tokens; give from 1 to \(1 << 16)")
            }
        }
    }

    /// Training data.
    ///
    /// - Parameter samples: the rows to which the tokenizer is fitted; nil for all.
    init(_ rows: TextRows, fittedTo samples: [UInt32]?, _ fit: Fit) {
        let words = TextReader.frequentWords(of: rows, samples, atMost: fit.vocabulary)
        let (target, names): (SampleTarget, [String]) =
            switch rows.labels {
            case .classes(_, let names): (.classes(names.count), names)
            case .values, .none: (.values(1), [])
            }
        let text = TextPreprocessing(column: fit.column, words: words, length: fit.length, padding: fit.padding)
        self.init(
            rows, text,
            Preprocessing(
                inputShape: [fit.length], target: target, classNames: names, tokens: .words, text: text),
            fit)
    }

    /// Test data or texts to predict for.
    init(_ rows: TextRows, text: TextPreprocessing, preprocessing: Preprocessing) {
        self.init(rows, text, preprocessing, nil)
    }

    private init(_ rows: TextRows, _ text: TextPreprocessing, _ preprocessing: Preprocessing, _ fit: Fit?) {
        self.rows = rows
        self.text = text
        self.preprocessing = preprocessing
        self.fit = fit
        var numbers = NameNumbers()
        for word in text.words { _ = numbers.number(of: word) }
        tokens = rows.words.map { word in
            numbers.existingNumber(of: word).map { $0 + TextPreprocessing.firstWordToken }
                ?? TextPreprocessing.unknownToken
        }
        if case .classes(let codes, _) = rows.labels, let greatest = codes.max() {
            greatestLabelSample = codes.firstIndex(of: greatest) ?? 0
        } else {
            greatestLabelSample = 0
        }
        var digest = DigestBuilder()
        digest.update("texts")
        digest.update(UInt64(rows.count))
        digest.update(UInt64(text.length))
        digest.update(text.padding.rawValue)
        for row in 0..<rows.count {
            let codes = rows.codes(of: row)
            digest.update(UInt64(codes.count))
            for code in codes { digest.update(tokens[Int(code)]) }
        }
        digest.update(text.words)
        rows.labels.update(&digest)
        contentDigest = digest.finalize()
    }

    /// The words that occur most often, by frequency, then by their bytes.
    private static func frequentWords(of rows: TextRows, _ samples: [UInt32]?, atMost vocabulary: Int) -> [String] {
        var counts = Array(repeating: 0, count: rows.words.count)
        if let samples {
            for sample in samples { for code in rows.codes(of: Int(sample)) { counts[Int(code)] += 1 } }
        } else {
            for row in 0..<rows.count { for code in rows.codes(of: row) { counts[Int(code)] += 1 } }
        }
        let words = rows.words
        let order = words.indices.filter { counts[$0] > 0 && words[$0].utf8.count <= TextPreprocessing.longestWord }
            .sorted { left, right in
                counts[left] != counts[right]
                    ? counts[left] > counts[right] : words[left].utf8.lexicographicallyPrecedes(words[right].utf8)
            }
        return order.prefix(vocabulary - Int(TextPreprocessing.firstWordToken)).map { words[$0] }
    }

    var count: Int { rows.count }
    var inputShape: [Int] { preprocessing.inputShape }
    var target: SampleTarget { preprocessing.target }
    var tokenCount: Int? { text.tokenCount }

    func read(_ sample: Int, input: UnsafeMutablePointer<Float>, target: UnsafeMutableRawPointer) {
        read(sample, input: input)
        switch rows.labels {
        case .classes(let codes, _): target.storeBytes(of: codes[sample], as: Int32.self)
        case .values(let values): target.storeBytes(of: values[sample], as: Float.self)
        case .none: break
        }
    }

    func read(_ sample: Int, input: UnsafeMutablePointer<Float>) {
        let codes = rows.codes(of: sample)
        // Only what will be kept is looked up.
        let kept = text.padding == .pre ? codes.suffix(text.length) : codes.prefix(text.length)
        text.write(kept.map { tokens[Int($0)] }, to: input)
    }

    func fitted(to samples: [UInt32]) throws(CommandError) -> any SampleReader {
        guard let fit else { return self }
        return TextReader(rows, fittedTo: samples, fit)
    }
}
