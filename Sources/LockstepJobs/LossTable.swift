internal import LockstepModels

/// The losses that a job file can name.
enum LossTable {
    static func loss(_ node: JobNode, path: String) throws(JobFileError) -> Loss {
        let choice = try JobChoice("loss", node, path: path, known: ["softmaxCrossEntropy"])
        _ = try choice.arguments([])
        return .softmaxCrossEntropy
    }
}
