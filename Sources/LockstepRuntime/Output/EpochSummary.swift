/// Loss and accuracy over the steps of one epoch, weighted by samples.
struct EpochSummary: Sendable, Hashable {
    var epoch = 0
    var samples = 0
    private var lossSum = 0.0
    private var metricSums: [Double] = []

    mutating func add(epoch: Int, samples: Int, loss: Double, metrics: [Double]) {
        if epoch != self.epoch { self = EpochSummary(epoch: epoch) }
        self.samples += samples
        lossSum += loss * Double(samples)
        if metricSums.isEmpty { metricSums = Array(repeating: 0, count: metrics.count) }
        for index in metrics.indices where index < metricSums.count {
            metricSums[index] += metrics[index] * Double(samples)
        }
    }

    private init(epoch: Int) { self.epoch = epoch }

    init() {}

    var loss: Double { samples == 0 ? 0 : lossSum / Double(samples) }
    var metrics: [Double] { metricSums.map { samples == 0 ? 0 : $0 / Double(samples) } }
}
