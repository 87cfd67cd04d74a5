public import LockstepCore
internal import LockstepFormats

/// Texts with a label, in two columns of a file of comma-separated values with a header, plain or compressed with gzip.
///
/// A word is a run of letters, digits and inner apostrophes; capitals of ASCII count as small letters. The tokenizer knows
/// the words that are most frequent in the training texts, those split off for validation left out: equally frequent ones
/// in the order of their UTF-8 bytes. Token 0 is padding, 1 any other word, 2 the most frequent one.
public struct Text: DataSource, Hashable {
    /// The path of the file.
    public var path: String
    /// The name of the column that holds the texts.
    public var text: String
    /// The name of the column that holds the targets.
    public var label: String
    /// Tokens at most, padding and the unknown word among them.
    public var vocabulary: Int
    /// Tokens of an input.
    public var length: Int
    public var padding: TextPadding
    /// What the label column holds.
    public var task: CSV.Task

    public init(
        path: String, text: String = "text", label: String = "label", vocabulary: Int = 10_000, length: Int,
        padding: TextPadding = .pre, task: CSV.Task = .classify
    ) {
        self.path = path
        self.text = text
        self.label = label
        self.vocabulary = vocabulary
        self.length = length
        self.padding = padding
        self.task = task
    }

    public var paths: [DataPath] { [.file(path)] }

    public var canonicalDescription: String {
        let names = JSONValue.array([.string(text), .string(label)]).text
        return "text columns \(names) vocabulary \(vocabulary) length \(length) padding \(padding.rawValue) "
            + "task \(task.rawValue)"
    }

    public func open(files: [DataFile], preprocessing: Preprocessing?) throws(CommandError) -> any SampleReader {
        try check(files, "text")
        let fit = TextReader.Fit(column: text, vocabulary: vocabulary, length: length, padding: padding)
        try fit.validate("text")
        let file = try CSVFile(files[0])
        guard file.rowCount > 0 else { throw files[0].refusal("it has no rows; training needs at least one sample") }
        guard text != label else { throw .usage("text: the column of the texts is that of the labels; name two") }
        guard let preprocessing else {
            let rows = try file.textRows(text, label: (label, task == .classify ? .classes : .numbers))
            return TextReader(rows, fittedTo: nil, fit)
        }
        guard let known = preprocessing.text else {
            throw files[0].refusal("these are texts, but the training data are none; give data of the same kind")
        }
        let rows = try file.textRows(text, label: (label, .known(preprocessing.target, preprocessing.classNames)))
        return TextReader(rows, text: known, preprocessing: preprocessing)
    }
}

extension CSVFile {
    /// The words of a column.
    ///
    /// - Parameter label: the name of its column and how it is read; nil where there are no labels.
    func textRows(_ column: String, label: (name: String, rule: LabelRule)?) throws(CommandError) -> TextRows {
        let texts = try texts(of: column)
        var rows = TextRows(labels: try self.rows(columns: [], label: label).labels)
        for text in texts {
            rows.append(WordScanner(text.bytes).lazy.map { String(decoding: $0, as: UTF8.self) })
        }
        return rows
    }
}
