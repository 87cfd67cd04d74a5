internal import LockstepModels

/// The optimizers that a job file can name, and what is done to a gradient before them. Defaults are PyTorch's.
enum OptimizerTable {
    private static let names = ["adam", "adamW", "sgd", "rmsprop", "adagrad"]

    static func optimizer(_ node: JobNode, path: String) throws(JobFileError) -> Optimizer {
        let choice = try JobChoice("optimizer", node, path: path, known: names)
        switch choice.word {
        case "adam":
            let arguments = try arguments(choice, ["beta1", "beta2", "epsilon"])
            return .adam(
                learningRate: try learningRate(arguments, 0.001), beta1: try part("beta1", arguments) ?? 0.9,
                beta2: try part("beta2", arguments) ?? 0.999, epsilon: try epsilon(arguments) ?? 1e-8,
                groups: try groups(arguments))
        case "adamW":
            let arguments = try arguments(choice, ["beta1", "beta2", "epsilon", "weightDecay"])
            return .adamW(
                learningRate: try learningRate(arguments, 0.001), beta1: try part("beta1", arguments) ?? 0.9,
                beta2: try part("beta2", arguments) ?? 0.999, epsilon: try epsilon(arguments) ?? 1e-8,
                weightDecay: try amount("weightDecay", arguments) ?? 0.01, groups: try groups(arguments))
        case "rmsprop":
            let arguments = try arguments(choice, ["alpha", "epsilon", "momentum"])
            return .rmsprop(
                learningRate: try learningRate(arguments, 0.01), alpha: try part("alpha", arguments) ?? 0.99,
                epsilon: try epsilon(arguments) ?? 1e-8, momentum: try part("momentum", arguments) ?? 0,
                groups: try groups(arguments))
        case "adagrad":
            let arguments = try arguments(choice, ["learningRateDecay", "epsilon"])
            return .adagrad(
                learningRate: try learningRate(arguments, 0.01),
                learningRateDecay: try amount("learningRateDecay", arguments) ?? 0,
                epsilon: try epsilon(arguments) ?? 1e-10, groups: try groups(arguments))
        default:
            let arguments = try arguments(choice, ["momentum", "dampening", "nesterov"])
            return .sgd(
                learningRate: try learningRate(arguments, 0.001), momentum: try part("momentum", arguments) ?? 0,
                dampening: try arguments.number("dampening", "0 ≤ dampening ≤ 1") { $0 >= 0 && $0 <= 1 } ?? 0,
                nesterov: try arguments.boolean("nesterov") ?? false, groups: try groups(arguments))
        }
    }

    static func regularization(_ node: JobNode, path: String) throws(JobFileError) -> Regularization {
        guard case .mapping = node.content else {
            throw JobFileError(node.place, path, "\(node.kind) names no penalty; write {l2: 0.0001}")
        }
        let arguments = try JobArguments(
            "regularization", node, path: path, place: node.place, parameters: ["l1", "l2"])
        return Regularization(l1: try amount("l1", arguments) ?? 0, l2: try amount("l2", arguments) ?? 0)
    }

    static func clipping(_ node: JobNode, path: String) throws(JobFileError) -> Clipping {
        let choice = try JobChoice("clipping", node, path: path, known: ["norm", "value"])
        let arguments = try choice.arguments(["bound"])
        _ = try arguments.required("bound")
        let bound = try arguments.number("bound", "a bound is greater than 0") { $0 > 0 } ?? 0
        return choice.word == "norm" ? .norm(bound) : .value(bound)
    }

    private static func arguments(_ choice: JobChoice, _ parameters: [String]) throws(JobFileError) -> JobArguments {
        try choice.arguments(["learningRate"] + parameters + ["groups"], groupValues: ScheduleTable.names)
    }

    /// A list of groups of parameters, or one by itself.
    private static func groups(_ arguments: JobArguments) throws(JobFileError) -> [ParameterGroup] {
        guard let node = arguments.node("groups") else { return [] }
        let items: [JobNode] = if case .sequence(let items) = node.content { items } else { [node] }
        var groups: [ParameterGroup] = []
        for (index, item) in items.enumerated() {
            let inner = try JobArguments(
                "a group", item, path: "\(arguments.innerPath("groups")).\(index)", place: item.place,
                parameters: ["names", "weightDecay", "learningRateFactor"])
            _ = try inner.required("names")
            groups.append(
                ParameterGroup(
                    names: try inner.texts("names") ?? [], weightDecay: try amount("weightDecay", inner),
                    learningRateFactor: try amount("learningRateFactor", inner) ?? 1))
        }
        return groups
    }

    private static func part(_ key: String, _ arguments: JobArguments) throws(JobFileError) -> Double? {
        try arguments.number(key, "0 ≤ \(key) < 1") { $0 >= 0 && $0 < 1 }
    }

    private static func amount(_ key: String, _ arguments: JobArguments) throws(JobFileError) -> Double? {
        try arguments.number(key, "\(key) is at least 0") { $0 >= 0 }
    }

    private static func epsilon(_ arguments: JobArguments) throws(JobFileError) -> Double? {
        try arguments.number("epsilon", "epsilon is greater than 0") { $0 > 0 }
    }

    private static func learningRate(
        _ arguments: JobArguments, _ usual: Double
    ) throws(JobFileError) -> Schedule {
        guard let node = arguments.node("learningRate") else { return .constant(usual) }
        return try ScheduleTable.schedule(node, path: arguments.innerPath("learningRate"))
    }
}
