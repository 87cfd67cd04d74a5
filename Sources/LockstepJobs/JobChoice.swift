internal import LockstepCore

/// One of several alternatives in a job file: a bare word (`adam`) or a group of one key (`{adam: {…}}`).
struct JobChoice {
    let word: String
    let node: JobNode?
    let place: JobNode.Place
    let path: String

    /// - Parameters:
    ///   - what: what is chosen, for messages: "optimizer".
    ///   - known: the words of the table.
    init(_ what: String, _ node: JobNode, path: String, known: [String]) throws(JobFileError) {
        switch node.content {
        case .scalar(let word):
            self.word = word
            self.node = nil
            self.place = node.place
        case .mapping(let entries) where entries.count == 1:
            self.word = entries[0].key
            self.node = entries[0].value
            self.place = entries[0].keyPlace
        case .mapping(let entries):
            let keys = entries.map { $0.key.escapedForDisplay(limit: 40) }.joined(separator: ", ")
            throw JobFileError(
                node.place, path,
                keys.isEmpty ? "no \(what) given" : "\(keys): only one \(what) can be chosen; keep one")
        case .sequence:
            throw JobFileError(node.place, path, "a list is no \(what); it is one of \(known.joined(separator: ", "))")
        }
        self.path = path.isEmpty ? word : "\(path).\(word)"
        guard known.contains(word) else {
            let hint = nearestWord(to: word, among: known).map { "did you mean \($0)?" }
            throw JobFileError(
                place, path,
                "unknown \(what) '\(word.escapedForDisplay(limit: 40))'; "
                    + (hint ?? "it is one of \(known.joined(separator: ", "))"))
        }
    }

    func arguments(_ parameters: [String], groupValues: [String] = []) throws(JobFileError) -> JobArguments {
        try JobArguments(word, node, path: path, place: place, parameters: parameters, groupValues: groupValues)
    }
}
