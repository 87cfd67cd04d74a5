package import LockstepCluster
package import LockstepCore

/// The whole state of a simulated run. It is a chain: what went before shows in all that follows.
package struct SimulatedState: Equatable {
    package struct Watch: Equatable {
        package var bestLoss = Double.infinity
        package var bestStep: UInt32 = 0
        var bestParameters: [UInt64] = []
        var badEvaluations = 0
        package var isStopped = false
    }

    /// Pieces of the vectors. Copies go piece by piece.
    package static let pieces = 6

    package var point = StatePoint(step: 0)
    package var parameters = (0..<UInt64(Self.pieces)).map { Self.mix($0, 1) }
    package var moments = [UInt64](repeating: 0, count: Self.pieces)
    package var watch = Watch()
    package var epoch: UInt32 = 0
    package var epochSums: [Double] = []
    /// The sum of the hashes of all samples of the epoch so far.
    package var epochSampleSum: UInt64 = 0

    package init() {}

    package var step: UInt32 { point.step }

    /// Over the parameters.
    package var hash: StateHash {
        StateHash(high: parameters.reduce(7, Self.mix), low: parameters.reduce(11, Self.mix))
    }

    package var wholeHash: StateHash {
        var hash = moments.reduce(parameters.reduce(13, Self.mix), Self.mix)
        hash = Self.mix(Self.mix(hash, watchHash), epochSampleSum)
        hash = Self.mix(hash, epochSums.reduce(UInt64(epoch)) { Self.mix($0, $1.bitPattern) })
        return StateHash(high: hash, low: Self.mix(hash, 1))
    }

    package var holding: Holding { Holding(point: point, hash: hash, wholeHash: wholeHash) }
    package var isBest: Bool { watch.bestStep == step && step > 0 && point.isJudged }

    /// Over what a judgement leaves beside the parameters.
    package var watchHash: UInt64 {
        var hash = watch.bestParameters.reduce(UInt64(watch.bestStep), Self.mix)
        hash = Self.mix(hash, watch.bestLoss.bitPattern)
        return Self.mix(hash, UInt64(watch.badEvaluations) << 1 | (watch.isStopped ? 1 : 0))
    }

    func loss(batch: UInt32, lane: Int) -> Double {
        Double(Self.mix(Self.mix(parameters[0], UInt64(batch)), UInt64(lane)) % 1000)
    }

    /// What the samples of some lanes hash to in a step. Any order of addition gives the same.
    package static func sampleHash(step: UInt32, lanes: Range<Int>) -> UInt64 {
        lanes.reduce(0) { $0 &+ mix(mix(0x5A, UInt64(step)), UInt64($1)) }
    }

    package mutating func apply(step: UInt32, epoch: UInt32, lanes: Int, isJudged: Bool) {
        for piece in parameters.indices {
            moments[piece] = Self.mix(moments[piece], UInt64(step))
            parameters[piece] = Self.mix(parameters[piece], moments[piece])
        }
        point = StatePoint(step: step, isJudged: isJudged)
        let sums = [Double(lanes), Double(lanes)]
        epochSums = epoch == self.epoch ? [epochSums[0] + sums[0], epochSums[1] + sums[1]] : sums
        let samples = Self.sampleHash(step: step, lanes: 0..<lanes)
        epochSampleSum = epoch == self.epoch ? epochSampleSum &+ samples : samples
        self.epoch = epoch
    }

    package mutating func judge(_ sums: [Double], _ job: SimulatedJob) {
        let loss = sums[0] / sums[1]
        if loss < watch.bestLoss {
            watch = Watch(bestLoss: loss, bestStep: step, bestParameters: parameters)
        } else {
            watch.badEvaluations += 1
            watch.isStopped = watch.badEvaluations >= job.patience
        }
        if job.restoresBest, watch.isStopped || step == job.lastStep, !watch.bestParameters.isEmpty {
            parameters = watch.bestParameters
        }
        point.isJudged = true
    }

    static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        var mixed = (left ^ right &* 0x9E37_79B9_7F4A_7C15) &+ 0x632B_E59B_D9B4_E019
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
