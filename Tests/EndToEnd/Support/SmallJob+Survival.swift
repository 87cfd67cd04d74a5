/// The job of the tests in which something happens on the way.
extension SmallJob {
    /// Ten steps an epoch, with everything that is keyed by step and place: dropout, shuffling, a rate that falls.
    ///
    /// - Parameter snapshotsEvery: steps; nil for a snapshot at the end only.
    static func steady(steps: Int, snapshotsEvery: Int? = nil) -> String {
        """
        model: [flatten, linear: 16, relu, drop: {dropout: 0.2}, linear: 10]
        loss: softmaxCrossEntropy
        optimizer: {adam: {learningRate: {cosine: {from: 0.003, warmUpSteps: 20}}}}
        data:
          train: {glyphs: {count: 320}}
          test: {glyphs: {count: 32, part: test}}
        \(snapshotsEvery.map { "snapshots: {everySteps: \($0), keep: 3}\n" } ?? "")batchSize: 32
        steps: \(steps)
        seed: 3
        """
    }
}
