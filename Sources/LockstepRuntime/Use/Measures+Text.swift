internal import LockstepCore
internal import LockstepFormats
internal import LockstepJobs

extension ResolvedJob.Measures {
    /// The metrics by name.
    var metricsValue: JSONValue {
        .object(JSONObject(metrics.map { ($0.name, .number($0.value)) }))
    }

    /// Counts, a row for each true class; nil where the job does not ask for them. They may be what a worker said.
    var confusionMatrixValue: JSONValue? {
        confusionMatrix.map { matrix in
            .array(matrix.map { row in .array(row.map { Int(exactly: $0.rounded()).map { .number($0) } ?? .null }) })
        }
    }

    /// `loss 0.3417  accuracy 87.62 %  f1 0.8722`. Shares of samples are read in per cent.
    var text: String {
        let parts = metrics.map { NumberText.metric($0.name, $0.value) }
        return (["loss \(NumberText.fixed(loss, 4))"] + parts).joined(separator: "  ")
    }
}
