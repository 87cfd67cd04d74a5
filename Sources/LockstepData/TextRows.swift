internal import LockstepCore

/// Texts cut into words, before anything is fitted to them.
struct TextRows: Sendable {
    /// Where each text's words begin in `codes`, and where the last one's end.
    private(set) var starts = [0]
    private var numbers = NameNumbers()
    let labels: TableRows.Labels

    init(labels: TableRows.Labels) { self.labels = labels }

    var count: Int { starts.count - 1 }

    /// The words that occur, by their numbers.
    var words: [String] { numbers.names }

    /// Adds a text.
    mutating func append(_ words: some Sequence<String>) {
        for word in words { numbers.append(word) }
        starts.append(numbers.codes.count)
    }

    /// The numbers of a text's words.
    func codes(of row: Int) -> ArraySlice<Int32> { numbers.codes[starts[row]..<starts[row + 1]] }
}
