internal import LockstepData

/// What a run that goes on in the midst of an epoch knows of it: the lines of `metrics.jsonl`, so that its line says what
/// that of an undisturbed run says, to the last bit; where some are missing, the sums that all workers agreed on.
struct EpochSoFar: Sendable, Equatable {
    private let order: SampleOrder
    /// From the first step of the epoch on.
    private var fromLines = EpochSummary()
    private var nextLine = 1
    private var linesAreWhole = true
    /// From the agreed state on; nil where there is none, or a later epoch has begun.
    private var fromAgreement: EpochSummary?
    private var nextAfterAgreement = 0

    init(_ order: SampleOrder) { self.order = order }

    /// - Parameter step: of a state that all agreed on, which knows loss and metrics of its epoch so far.
    init(_ order: SampleOrder, agreedStep step: Int, loss: Double, metrics: [Double]) {
        self.order = order
        guard step > 0 else { return }
        let progress = order.progress(afterStep: step)
        var summary = EpochSummary()
        summary.add(epoch: progress.epoch, samples: progress.samplesDone, loss: loss, metrics: metrics)
        fromAgreement = summary
        nextAfterAgreement = step + 1
    }

    mutating func add(step: Int, loss: Double, metrics: [Double]) {
        guard step > 0 else { return }
        let epoch = order.epoch(ofStep: step)
        if epoch != fromLines.epoch {
            linesAreWhole = step == (epoch - 1) * order.stepsPerEpoch + 1
        } else if step != nextLine {
            linesAreWhole = false
        }
        nextLine = step + 1
        let samples = order.batchCount(ofStep: step)
        fromLines.add(epoch: epoch, samples: samples, loss: loss, metrics: metrics)
        guard let agreed = fromAgreement, step >= nextAfterAgreement else { return }
        guard step == nextAfterAgreement, epoch == agreed.epoch else { return fromAgreement = nil }
        nextAfterAgreement += 1
        fromAgreement?.add(epoch: epoch, samples: samples, loss: loss, metrics: metrics)
    }

    /// Of the epoch in which the last line stands, or the agreed state where that is later.
    var summary: EpochSummary {
        guard let agreed = fromAgreement else { return fromLines }
        return linesAreWhole && nextLine == nextAfterAgreement ? fromLines : agreed
    }
}
