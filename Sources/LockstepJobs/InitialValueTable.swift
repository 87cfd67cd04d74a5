internal import LockstepEngine
internal import LockstepModels

/// The initial values that a job file can give to parameters by their names.
enum InitialValueTable {
    private static let words = ["zeros", "ones", "normal", "uniform", "xavierUniform", "uniformByFanIn"]

    /// A list of rules, or one by itself.
    static func rules(_ node: JobNode, path: String) throws(JobFileError) -> [InitialValues] {
        let items: [JobNode] = if case .sequence(let items) = node.content { items } else { [node] }
        var rules: [InitialValues] = []
        for (index, item) in items.enumerated() {
            guard case .mapping = item.content else {
                throw JobFileError(
                    item.place, path, "\(item.kind) is no rule; write {names: '*.weight', values: {normal: 0.02}}")
            }
            let arguments = try JobArguments(
                "a rule", item, path: "\(path).\(index)", place: item.place, parameters: ["names", "values"])
            _ = try arguments.required("names")
            rules.append(
                InitialValues(
                    names: try arguments.texts("names") ?? [],
                    values: try values(try arguments.required("values"), path: arguments.innerPath("values"))))
        }
        return rules
    }

    private static func values(_ node: JobNode, path: String) throws(JobFileError) -> Initializer {
        let choice = try JobChoice("initial value", node, path: path, known: words)
        switch choice.word {
        case "normal": return .normal(deviation: try amount("deviation", choice))
        case "uniform": return .uniform(bound: try amount("bound", choice))
        default: _ = try choice.arguments([])
        }
        return switch choice.word {
        case "zeros": .zeros
        case "ones": .ones
        case "xavierUniform": .xavierUniform
        default: .uniformByFanIn
        }
    }

    private static func amount(_ key: String, _ choice: JobChoice) throws(JobFileError) -> Double {
        let arguments = try choice.arguments([key])
        _ = try arguments.required(key)
        return try arguments.number(key, "\(key) is at least 0") { $0 >= 0 } ?? 0
    }
}
