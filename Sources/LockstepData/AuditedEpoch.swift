/// An epoch whose reports are being audited.
struct AuditedEpoch: Sendable {
    let epoch: Int
    /// All that it has.
    let steps: ClosedRange<Int>
    /// The last step that was taken or passed over; the one before the first at the beginning.
    private(set) var lastStep: Int
    /// Steps that have no report, since the last report.
    private(set) var gap: ClosedRange<Int>?
    /// The hashes of all samples up to `lastStep`.
    private var sum: UInt64 = 0
    /// What the reported sums have more than that.
    private var excess: UInt64 = 0
    /// How often the use of each sample is proved, up to 2.
    private var uses: [UInt8]

    init(epoch: Int, of order: SampleOrder) {
        self.epoch = epoch
        steps = (epoch - 1) * order.stepsPerEpoch + 1...epoch * order.stepsPerEpoch
        lastStep = steps.lowerBound - 1
        uses = Array(repeating: 0, count: order.count)
    }

    /// A step that has no report.
    mutating func pass(_ samples: StepSamples) {
        lastStep += 1
        gap = (gap?.lowerBound ?? lastStep)...lastStep
        sum &+= samples.hash
    }

    /// A step that is reported.
    ///
    /// - Parameter reportedSum: of the epoch so far.
    /// - Returns: whether the sum has grown since the last report by what the steps since then give.
    mutating func take(_ samples: StepSamples, reportedSum: UInt64) -> Bool {
        lastStep += 1
        gap = nil
        sum &+= samples.hash
        let isRight = reportedSum &- sum == excess
        excess = reportedSum &- sum
        return isRight
    }

    /// The use of these samples is proved.
    mutating func mark(_ samples: ArraySlice<Int>) {
        for sample in samples { uses[sample] = uses[sample] == 0 ? 1 : 2 }
    }

    /// - Parameter order: of training.
    func result(_ order: SampleOrder) -> SampleAuditResult.Epoch {
        let isComplete = lastStep == steps.upperBound
        var counts = [0, 0, 0]
        var examples: [Int] = []
        for sample in uses.indices {
            counts[Int(uses[sample])] += 1
            if uses[sample] != 1, isComplete, examples.count < 5 { examples.append(sample) }
        }
        return SampleAuditResult.Epoch(
            epochs: epoch...epoch, steps: steps.lowerBound...lastStep, isComplete: isComplete,
            samples: order.progress(afterStep: lastStep).samplesDone, once: counts[1], repeated: counts[2],
            examples: examples)
    }
}
