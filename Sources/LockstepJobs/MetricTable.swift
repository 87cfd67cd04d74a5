internal import LockstepModels

/// The metrics that a job file can name, and what watches them.
enum MetricTable {
    private static let names = [
        "accuracy", "topK", "confusionMatrix", "precision", "recall", "f1", "rocAUC", "meanAbsoluteError", "rSquared",
    ]

    /// A list of metrics, or one by itself.
    static func metrics(_ node: JobNode, path: String) throws(JobFileError) -> [Metric] {
        guard case .sequence(let items) = node.content else { return [try metric(node, path: path)] }
        var metrics: [Metric] = []
        for (index, item) in items.enumerated() {
            let metric = try metric(item, path: "\(path).\(index)")
            guard !metrics.contains(metric) else {
                throw JobFileError(item.place, "\(path).\(index)", "\(metric) stands twice; keep one")
            }
            metrics.append(metric)
        }
        return metrics
    }

    static func earlyStopping(_ node: JobNode, path: String) throws(JobFileError) -> EarlyStopping {
        let arguments = try JobArguments(
            "earlyStopping", node, path: path, place: node.place,
            parameters: ["patience", "metric", "minimumDelta", "restoreBest"])
        return EarlyStopping(
            metric: try arguments.text("metric") ?? "loss",
            patience: try arguments.requiredInteger("patience", atLeast: 0, atMost: 1 << 24),
            minimumDelta: try arguments.number("minimumDelta", "minimumDelta is at least 0") { $0 >= 0 } ?? 0,
            restoreBest: try arguments.boolean("restoreBest") ?? false)
    }

    private static func metric(_ node: JobNode, path: String) throws(JobFileError) -> Metric {
        let choice = try JobChoice("metric", node, path: path, known: names)
        if choice.word == "topK" {
            return .topK(try choice.arguments(["k"]).requiredInteger("k", atLeast: 1, atMost: 1 << 24))
        }
        _ = try choice.arguments([])
        return switch choice.word {
        case "confusionMatrix": .confusionMatrix
        case "precision": .precision
        case "recall": .recall
        case "f1": .f1
        case "rocAUC": .rocAUC
        case "meanAbsoluteError": .meanAbsoluteError
        case "rSquared": .rSquared
        default: .accuracy
        }
    }
}
