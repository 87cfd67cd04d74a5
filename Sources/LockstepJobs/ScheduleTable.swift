internal import LockstepModels

/// The learning rates that a job file can name: a number, or a schedule.
enum ScheduleTable {
    static let names = ["constant", "cosine", "steps", "milestones", "exponential", "linear", "plateau"]

    static func schedule(_ node: JobNode, path: String) throws(JobFileError) -> Schedule {
        if case .scalar = node.content {
            let arguments = try JobArguments("learningRate", node, path: path, place: node.place, parameters: ["rate"])
            return .constant(try rate("rate", arguments, shownAs: path) ?? 0)
        }
        let choice = try JobChoice("schedule", node, path: path, known: names)
        switch choice.word {
        case "constant":
            let arguments = try choice.arguments(["rate", "warmUpSteps"])
            return .constant(try requiredRate("rate", arguments), warmUpSteps: try warmUp(arguments))
        case "steps":
            let arguments = try choice.arguments(["from", "every", "factor", "warmUpSteps"])
            return .steps(
                from: try requiredRate("from", arguments),
                every: try arguments.requiredInteger("every", atLeast: 1, atMost: 1 << 31),
                factor: try factor("factor", arguments) ?? 0.1, warmUpSteps: try warmUp(arguments))
        case "milestones":
            let arguments = try choice.arguments(["from", "at", "factor", "warmUpSteps"])
            _ = try arguments.required("at")
            return .milestones(
                from: try requiredRate("from", arguments), at: try arguments.increasingIntegers("at") ?? [],
                factor: try factor("factor", arguments) ?? 0.1, warmUpSteps: try warmUp(arguments))
        case "exponential":
            let arguments = try choice.arguments(["from", "decay", "warmUpSteps"])
            _ = try arguments.required("decay")
            return .exponential(
                from: try requiredRate("from", arguments), decay: try factor("decay", arguments) ?? 1,
                warmUpSteps: try warmUp(arguments))
        case "linear":
            let arguments = try choice.arguments(["from", "to", "steps", "warmUpSteps"])
            _ = try arguments.required("to")
            return .linear(
                from: try requiredRate("from", arguments), to: try amount("to", arguments) ?? 0,
                steps: try arguments.requiredInteger("steps", atLeast: 1, atMost: 1 << 31),
                warmUpSteps: try warmUp(arguments))
        case "plateau":
            let arguments = try choice.arguments([
                "from", "factor", "patience", "minimumDelta", "minimum", "warmUpSteps",
            ])
            return .plateau(
                from: try requiredRate("from", arguments), factor: try factor("factor", arguments) ?? 0.1,
                patience: try arguments.integer("patience", atLeast: 0, atMost: 1 << 24) ?? 10,
                minimumDelta: try amount("minimumDelta", arguments) ?? 1e-4,
                minimum: try amount("minimum", arguments) ?? 0, warmUpSteps: try warmUp(arguments))
        default:
            let arguments = try choice.arguments(["from", "warmUpSteps"])
            return .cosine(from: try requiredRate("from", arguments), warmUpSteps: try warmUp(arguments))
        }
    }

    private static func warmUp(_ arguments: JobArguments) throws(JobFileError) -> Int {
        try arguments.integer("warmUpSteps", atLeast: 0, atMost: 1 << 31) ?? 0
    }

    private static func amount(_ key: String, _ arguments: JobArguments) throws(JobFileError) -> Double? {
        try arguments.number(key, "\(key) is at least 0") { $0 >= 0 }
    }

    private static func factor(_ key: String, _ arguments: JobArguments) throws(JobFileError) -> Double? {
        try arguments.number(key, "0 < \(key) ≤ 1") { $0 > 0 && $0 <= 1 }
    }

    private static func requiredRate(_ key: String, _ arguments: JobArguments) throws(JobFileError) -> Double {
        _ = try arguments.required(key)
        return try rate(key, arguments, shownAs: arguments.innerPath(key)) ?? 0
    }

    private static func rate(
        _ key: String, _ arguments: JobArguments, shownAs path: String
    ) throws(JobFileError) -> Double? {
        do {
            return try arguments.number(key, "a rate is greater than 0") { $0 > 0 }
        } catch {
            throw JobFileError(error.place, path, error.message)
        }
    }
}
