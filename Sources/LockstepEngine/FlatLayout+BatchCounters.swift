extension FlatLayout {
    /// The names of PyTorch's `num_batches_tracked`, one for each `running_mean`. They are no state: each holds the
    /// number of steps done.
    package var batchCounters: [String] {
        let mean = "running_mean"
        return entries.filter { $0.name == mean || $0.name.hasSuffix("." + mean) }.map {
            $0.name.dropLast(mean.count) + "num_batches_tracked"
        }
    }
}
