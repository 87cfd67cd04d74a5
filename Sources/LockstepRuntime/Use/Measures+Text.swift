internal import LockstepCore
internal import LockstepFormats
internal import LockstepJobs

extension ResolvedJob.Measures {
    /// The metrics by name.
    var metricsValue: JSONValue {
        .object(JSONObject(metrics.map { ($0.name, .number($0.value)) }))
    }

    /// `loss 0.3417  accuracy 87.62 %  f1 0.8722`. Shares of samples are read in per cent.
    var text: String {
        let parts = metrics.map { NumberText.metric($0.name, $0.value) }
        return (["loss \(NumberText.fixed(loss, 4))"] + parts).joined(separator: "  ")
    }
}
