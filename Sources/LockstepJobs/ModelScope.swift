internal import LockstepCore
internal import LockstepModels

/// Where in a model the table of blocks is, and the blocks that it has made so far, by their paths.
final class ModelScope {
    /// Small files must not become large models: blocks can be repeated inside repeated blocks.
    private static let greatestCount = 10_000

    private var path: [String] = []
    private var count = 0
    // Looked up by path only, never iterated.
    private var modules: [String: any Module] = [:]

    /// Makes the module that is called `name` here.
    func make(
        _ name: String, _ node: JobNode, path errorPath: String, _ make: () throws(JobFileError) -> any Module
    ) throws(JobFileError) -> any Module {
        count += 1
        guard count <= ModelScope.greatestCount else {
            throw JobFileError(
                node.place, errorPath, "a model of more than \(ModelScope.greatestCount) blocks; repeat fewer")
        }
        path.append(name)
        defer { path.removeLast() }
        let module = try make()
        modules[path.joined(separator: ".")] = module
        return module
    }

    /// The embedding before this block whose path is `name`, seen from here or from further out.
    func embedding(_ name: String, _ place: JobNode.Place, path errorPath: String) throws(JobFileError) -> Embedding {
        for depth in stride(from: max(0, path.count - 1), through: 0, by: -1) {
            let found = modules[(path.prefix(depth) + [name]).joined(separator: ".")]
            guard let found else { continue }
            guard let embedding = found as? Embedding else {
                throw JobFileError(
                    place, errorPath, "'\(name.escapedForDisplay(limit: 60))' is no embedding; only those can be shared"
                )
            }
            return embedding
        }
        throw JobFileError(
            place, errorPath,
            "no block before this one is named '\(name.escapedForDisplay(limit: 60))'; name an embedding, like tokens: {embedding: {count: 256, width: 64}}"
        )
    }
}
