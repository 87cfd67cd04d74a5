internal import LockstepModels

/// The losses that a job file can name.
enum LossTable {
    private static let names = [
        "softmaxCrossEntropy", "meanSquaredError", "meanAbsoluteError", "huber", "binaryCrossEntropy",
    ]

    static func loss(_ node: JobNode, path: String) throws(JobFileError) -> Loss {
        let choice = try JobChoice("loss", node, path: path, known: names)
        switch choice.word {
        case "softmaxCrossEntropy":
            let arguments = try choice.arguments(["labelSmoothing", "classWeights"])
            return .softmaxCrossEntropy(
                labelSmoothing: try arguments.number("labelSmoothing", "0 ≤ labelSmoothing < 1") { $0 >= 0 && $0 < 1 }
                    ?? 0,
                classWeights: try arguments.numbers("classWeights") ?? [])
        case "meanSquaredError":
            _ = try choice.arguments([])
            return .meanSquaredError
        case "meanAbsoluteError":
            _ = try choice.arguments([])
            return .meanAbsoluteError
        case "huber":
            let arguments = try choice.arguments(["delta"])
            return .huber(delta: try arguments.number("delta", "delta is greater than 0") { $0 > 0 } ?? 1)
        default:
            let arguments = try choice.arguments(["positiveWeight"])
            return .binaryCrossEntropy(
                positiveWeight: try arguments.number("positiveWeight", "positiveWeight is greater than 0") { $0 > 0 }
                    ?? 1)
        }
    }
}
