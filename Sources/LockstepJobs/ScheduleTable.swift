internal import LockstepModels

/// The learning rates that a job file can name: a number, or a schedule.
enum ScheduleTable {
    static let names = ["cosine"]

    static func schedule(_ node: JobNode, path: String) throws(JobFileError) -> Schedule {
        if case .scalar = node.content {
            let arguments = try JobArguments("learningRate", node, path: path, place: node.place, parameters: ["rate"])
            return .constant(try rate("rate", arguments, shownAs: path) ?? 0)
        }
        let choice = try JobChoice("schedule", node, path: path, known: names)
        let arguments = try choice.arguments(["from", "warmUpSteps"])
        _ = try arguments.required("from")
        return .cosine(
            from: try rate("from", arguments, shownAs: arguments.innerPath("from")) ?? 0,
            warmUpSteps: try arguments.integer("warmUpSteps", atLeast: 0, atMost: 1 << 31) ?? 0)
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
