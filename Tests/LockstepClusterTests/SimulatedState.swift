import LockstepCore

/// The whole state of a simulated run. It is a chain: what went before shows in all that follows.
struct SimulatedState: Equatable {
    struct Watch: Equatable {
        var bestLoss = Double.infinity
        var bestStep: UInt32 = 0
        var bestParameters: UInt64 = 0
        var badEvaluations = 0
        var isStopped = false
    }

    var step: UInt32 = 0
    var parameters: UInt64 = 1
    var watch = Watch()
    var epoch: UInt32 = 0
    var epochSums: [Double] = []
    var isFlipped = false

    var hash: StateHash { StateHash(high: parameters, low: isFlipped ? 1 : 0) }
    var isBest: Bool { watch.bestStep == step && step > 0 }

    /// Over what a judgement leaves beside the parameters.
    var watchHash: UInt64 {
        var hash = Self.mix(UInt64(watch.bestStep), watch.bestParameters)
        hash = Self.mix(hash, watch.bestLoss.bitPattern)
        return Self.mix(hash, UInt64(watch.badEvaluations) << 1 | (watch.isStopped ? 1 : 0))
    }

    func loss(batch: UInt32, lane: Int) -> Double {
        Double(Self.mix(Self.mix(parameters, UInt64(batch)), UInt64(lane)) % 1000)
    }

    mutating func apply(step: UInt32, epoch: UInt32, lanes: Int) {
        parameters = Self.mix(parameters, UInt64(step))
        self.step = step
        let sums = [Double(lanes), 0]
        epochSums = epoch == self.epoch ? [epochSums[0] + sums[0], 0] : sums
        self.epoch = epoch
    }

    mutating func judge(_ sums: [Double], _ job: SimulatedJob) {
        let loss = sums[0] / sums[1]
        if loss < watch.bestLoss {
            watch = Watch(bestLoss: loss, bestStep: step, bestParameters: parameters)
        } else {
            watch.badEvaluations += 1
            watch.isStopped = watch.badEvaluations >= job.patience
        }
        if job.restoresBest, watch.isStopped || step == job.lastStep { parameters = watch.bestParameters }
    }

    private static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        var mixed = (left ^ right &* 0x9E37_79B9_7F4A_7C15) &+ 0x632B_E59B_D9B4_E019
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
