internal import LockstepModels

/// The optimizers that a job file can name. Defaults are PyTorch's.
enum OptimizerTable {
    static func optimizer(_ node: JobNode, path: String) throws(JobFileError) -> Optimizer {
        let choice = try JobChoice("optimizer", node, path: path, known: ["adam", "sgd"])
        switch choice.word {
        case "adam":
            let arguments = try choice.arguments(
                ["learningRate", "beta1", "beta2", "epsilon"], groupValues: ScheduleTable.names)
            return .adam(
                learningRate: try learningRate(arguments),
                beta1: try arguments.number("beta1", "0 ≤ beta1 < 1") { $0 >= 0 && $0 < 1 } ?? 0.9,
                beta2: try arguments.number("beta2", "0 ≤ beta2 < 1") { $0 >= 0 && $0 < 1 } ?? 0.999,
                epsilon: try arguments.number("epsilon", "epsilon is greater than 0") { $0 > 0 } ?? 1e-8)
        default:
            let arguments = try choice.arguments(["learningRate"], groupValues: ScheduleTable.names)
            return .sgd(learningRate: try learningRate(arguments))
        }
    }

    private static func learningRate(_ arguments: JobArguments) throws(JobFileError) -> Schedule {
        guard let node = arguments.node("learningRate") else { return .constant(0.001) }
        return try ScheduleTable.schedule(node, path: arguments.innerPath("learningRate"))
    }
}
