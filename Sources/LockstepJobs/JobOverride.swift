internal import LockstepCore

/// One `--set key.path=value`: a value put into the job's tree before it is read.
struct JobOverride: Sendable {
    let text: String
    let path: [String]
    let value: JobNode

    /// - Throws: `JobFileError` where there is no `=`, no key, or the value is not YAML.
    init(_ text: String) throws(JobFileError) {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
            throw JobFileError(
                .override(text), "", "write key.path=value, for example optimizer.adam.learningRate=0.01")
        }
        self.text = text
        self.path = text[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let written = String(text[text.index(after: equals)...])
        guard !path.contains("") else {
            throw JobFileError(.override(text), "", "a key between two dots is empty")
        }
        self.value =
            written.isEmpty
            ? JobNode(content: .scalar(""), place: .override(text))
            : try JobNode.parse(yaml: written, override: text)
    }

    /// The tree with this value in its place. Groups that are missing on the way are made; a bare word on the way
    /// (`optimizer: adam`) becomes a group of that word.
    func applied(to node: JobNode) throws(JobFileError) -> JobNode {
        try applied(to: node, keys: path[...])
    }

    private func applied(to node: JobNode, keys: ArraySlice<String>) throws(JobFileError) -> JobNode {
        guard let key = keys.first else { return value }
        var node = node
        switch node.content {
        case .mapping(var entries):
            let index = entries.firstIndex { $0.key == key }
            let old = index.map { entries[$0].value } ?? empty
            let entry = JobNode.Entry(
                key: key, keyPlace: index.map { entries[$0].keyPlace } ?? .override(text),
                value: try applied(to: old, keys: keys.dropFirst()))
            if let index { entries[index] = entry } else { entries.append(entry) }
            node.content = .mapping(entries)
        case .sequence(var items):
            guard let index = Int(key), items.indices.contains(index) else {
                throw JobFileError(
                    .override(text), "", "'\(key.escapedForDisplay())' is no place in a list of \(items.count) (from 0)"
                )
            }
            items[index] = try applied(to: items[index], keys: keys.dropFirst())
            node.content = .sequence(items)
        case .scalar(let word):
            let inner = word == key ? empty : JobNode(content: .scalar(word), place: node.place)
            guard word == key || word.isEmpty else {
                throw JobFileError(
                    .override(text), "", "\(inner.kind) has no key '\(key.escapedForDisplay())'")
            }
            let entry = JobNode.Entry(
                key: key, keyPlace: .override(text), value: try applied(to: empty, keys: keys.dropFirst()))
            node.content = .mapping([entry])
        }
        return node
    }

    private var empty: JobNode { JobNode(content: .mapping([]), place: .override(text)) }
}
