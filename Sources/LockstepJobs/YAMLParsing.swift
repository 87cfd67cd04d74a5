internal import LockstepCore
internal import Yams

extension JobNode {
    /// Aliases can name a node many times; these bounds keep a small file from becoming a large tree.
    private static let maximumDepth = 32
    private static let maximumNodes = 10_000

    /// Parses one YAML document.
    ///
    /// - Parameter override: the `--set` argument that the text stands in, or nil for a job file.
    /// - Throws: `JobFileError`.
    static func parse(yaml: String, override: String? = nil) throws(JobFileError) -> JobNode {
        let start = override.map(Place.override) ?? .file(line: 1, column: 1)
        let composed: Node?
        do {
            composed = try Yams.compose(yaml: yaml)
        } catch let error as YamlError {
            throw JobFileError(place(of: error, override: override) ?? start, "", "not YAML: \(problem(of: error))")
        } catch {
            throw JobFileError(start, "", "not YAML: \(String(describing: error).escapedForDisplay())")
        }
        guard let composed else { throw JobFileError(start, "", "empty: a job needs at least model, loss and data") }
        var count = 0
        return try convert(composed, depth: 0, count: &count, override: override)
    }

    private static func convert(
        _ node: Node, depth: Int, count: inout Int, override: String?
    ) throws(JobFileError) -> JobNode {
        let place = override.map(Place.override) ?? .file(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
        count += 1
        guard depth < maximumDepth else {
            throw JobFileError(place, "", "nested deeper than \(maximumDepth) levels; flatten it")
        }
        guard count <= maximumNodes else {
            throw JobFileError(place, "", "more than \(maximumNodes) values; shorten the job")
        }
        switch node {
        case .scalar(let scalar):
            return JobNode(content: .scalar(scalar.string), place: place)
        case .sequence(let sequence):
            var items: [JobNode] = []
            for item in sequence {
                items.append(try convert(item, depth: depth + 1, count: &count, override: override))
            }
            return JobNode(content: .sequence(items), place: place)
        case .mapping(let mapping):
            var entries: [Entry] = []
            for (key, value) in mapping {
                let keyPlace =
                    override.map(Place.override) ?? .file(line: key.mark?.line ?? 1, column: key.mark?.column ?? 1)
                guard let text = key.string else { throw JobFileError(keyPlace, "", "a key must be a plain word") }
                let converted = try convert(value, depth: depth + 1, count: &count, override: override)
                entries.append(Entry(key: text, keyPlace: keyPlace, value: converted))
            }
            return JobNode(content: .mapping(entries), place: place)
        case .alias:
            throw JobFileError(place, "", "an alias without its anchor; write the value out")
        }
    }

    private static func place(of error: YamlError, override: String?) -> Place? {
        guard override == nil else { return nil }
        switch error {
        case .reader(_, _, _, _): return nil
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _):
            return .file(line: mark.line, column: mark.column)
        case .duplicatedKeysInMapping(_, let context):
            return .file(line: context.mark.line, column: context.mark.column)
        default: return nil
        }
    }

    private static func problem(of error: YamlError) -> String {
        switch error {
        case .scanner(_, let problem, _, _), .parser(_, let problem, _, _), .composer(_, let problem, _, _),
            .reader(let problem, _, _, _):
            problem.escapedForDisplay()
        case .duplicatedKeysInMapping(let duplicates, _):
            "the key \(String(describing: duplicates.first ?? "").escapedForDisplay()) stands twice; keep one"
        default: String(describing: error).escapedForDisplay()
        }
    }
}
