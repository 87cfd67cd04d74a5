internal import LockstepCore
internal import LockstepModels

/// The blocks that a job file can put together, each with the parameters of its Swift type.
enum ModelTable {
    struct Block: Sendable {
        let key: String
        /// A bare value, and a bare list, goes to the first.
        let parameters: [String]
        let make: @Sendable (JobArguments, ModelScope) throws(JobFileError) -> any Module
    }

    private static let blocks = layers + activations + sequenceLayers + structures
    private static let keys = blocks.map(\.key)

    /// A list of blocks becomes a `Sequential`; a block without a name is counted.
    static func model(_ node: JobNode, path: String) throws(JobFileError) -> any Module {
        Sequential(try list(node, path: path, ModelScope()))
    }

    /// The blocks of a list, at least one.
    static func list(
        _ node: JobNode, path: String, _ scope: ModelScope
    ) throws(JobFileError) -> [(name: String?, module: any Module)] {
        guard case .sequence(let items) = node.content else {
            throw JobFileError(node.place, path, "\(node.kind) is no list of blocks; write [linear: 10]")
        }
        guard !items.isEmpty else {
            throw JobFileError(node.place, path, "an empty list; add a block, for example linear: 10")
        }
        var modules: [(name: String?, module: any Module)] = []
        for (index, item) in items.enumerated() {
            let named = try block(item, path: "\(path).\(index)", position: String(index), scope)
            let name = named.name ?? String(index)
            if modules.enumerated().contains(where: { $1.name ?? String($0) == name }) {
                throw JobFileError(item.place, "\(path).\(index)", "the name \(name) stands twice; rename one")
            }
            modules.append(named)
        }
        return modules
    }

    /// `linear: 10`, `relu`, or `output: {linear: 10}`. A name may be a block's word: `dropout: {dropout: 0.25}`.
    ///
    /// - Parameter position: what the block is called where it has no name of its own.
    static func block(
        _ node: JobNode, path: String, position: String, _ scope: ModelScope
    ) throws(JobFileError) -> (name: String?, module: any Module) {
        if case .mapping(let entries) = node.content, entries.count == 1, isBlock(entries[0].value),
            !keys.contains(entries[0].key) || isNamed(entries[0])
        {
            let name = entries[0].key
            guard isName(name) else {
                throw JobFileError(
                    entries[0].keyPlace, path,
                    "'\(name.escapedForDisplay(limit: 40))' cannot name a block; use letters, digits and '_', a letter first"
                )
            }
            return (name, try module(entries[0].value, path: path, name: name, known: keys, scope))
        }
        return (nil, try module(node, path: path, name: position, known: keys, scope))
    }

    /// `linear: {linear: 10}` is a linear layer of that name; but of `repeat: {block: relu}` and `residual: {blocks: …}`
    /// the group is what the block takes.
    private static func isNamed(_ entry: JobNode.Entry) -> Bool {
        guard case .mapping(let inner) = entry.value.content, inner.count == 1 else { return false }
        return !(blocks.first { $0.key == entry.key }?.parameters.contains(inner[0].key) ?? false)
    }

    private static func isBlock(_ node: JobNode) -> Bool {
        switch node.content {
        case .scalar(let word): keys.contains(word)
        case .mapping(let entries): entries.count == 1 && keys.contains(entries[0].key)
        case .sequence: false
        }
    }

    private static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 64 else { return false }
        let letters = { (byte: UInt8) in (byte | 32) >= UInt8(ascii: "a") && (byte | 32) <= UInt8(ascii: "z") }
        return letters(first)
            && text.utf8.allSatisfy {
                letters($0) || $0 == UInt8(ascii: "_") || ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9"))
            }
    }

    /// - Parameter known: the words that can stand here.
    static func module(
        _ node: JobNode, path: String, name: String, known: [String], _ scope: ModelScope
    ) throws(JobFileError) -> any Module {
        let choice = try JobChoice("block", node, path: path, known: known)
        guard let block = blocks.first(where: { $0.key == choice.word }) else {
            throw JobFileError(node.place, path, "unknown block '\(choice.word)'")
        }
        return try scope.make(name, node, path: path) { () throws(JobFileError) in
            try block.make(try choice.arguments(block.parameters), scope)
        }
    }
}
