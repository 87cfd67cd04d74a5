internal import LockstepCluster

/// What a person watches: a bar that is redrawn on a terminal, one line an epoch elsewhere.
struct ProgressDisplay {
    private let isTerminal: Bool
    private let epochs: Int
    private let steps: Int
    private let stepsPerEpoch: Int
    private let write: (String) -> Void
    private var epoch = EpochSummary()
    private var lastStep = 0
    private var learningRate = 0.0
    private var startedAt: Double?
    private var samplesSinceStart = 0
    private var drawnAt = -1.0
    private var hasLine = false

    /// - Parameter write: takes text for standard error, unchanged.
    init(isTerminal: Bool, epochs: Int, steps: Int, stepsPerEpoch: Int, write: @escaping (String) -> Void) {
        self.isTerminal = isTerminal
        self.epochs = epochs
        self.steps = steps
        self.stepsPerEpoch = stepsPerEpoch
        self.write = write
    }

    /// - Parameter now: seconds of a monotonic clock.
    mutating func add(_ report: StepReport, now: Double) {
        if startedAt == nil { startedAt = now - report.seconds }
        epoch.add(
            epoch: Int(report.epoch), samples: Int(report.samples), loss: report.loss,
            metrics: report.metrics.map(\.value))
        lastStep = Int(report.step)
        learningRate = report.learningRate
        samplesSinceStart += Int(report.samples)
        let isEndOfEpoch = lastStep == steps || lastStep % stepsPerEpoch == 0
        if isTerminal {
            if isEndOfEpoch || now - drawnAt >= 0.1 {
                drawnAt = now
                write("\r\u{1B}[K" + line(now: now, bar: true))
                hasLine = true
            }
            if isEndOfEpoch { endLine() }
        } else if isEndOfEpoch {
            write(line(now: now, bar: false) + "\n")
        }
    }

    /// Leaves the bar's line, so that what comes next starts on one of its own.
    mutating func endLine() {
        guard hasLine else { return }
        hasLine = false
        write("\n")
    }

    private func line(now: Double, bar: Bool) -> String {
        let seconds = max(now - (startedAt ?? now), 1e-9)
        let rate = Double(samplesSinceStart) / seconds
        let left = seconds / Double(lastStep) * Double(steps - lastStep)
        let doneInEpoch = (lastStep - 1) % stepsPerEpoch + 1
        let stepsOfEpoch = min(stepsPerEpoch, steps - (epoch.epoch - 1) * stepsPerEpoch)
        var parts = ["epoch \(epoch.epoch)/\(epochs)"]
        if bar {
            let width = 24
            let filled = width * doneInEpoch / max(1, stepsOfEpoch)
            parts.append(
                "[" + String(repeating: "=", count: filled) + String(repeating: " ", count: width - filled) + "]")
        }
        parts.append("step \(lastStep)/\(steps)")
        parts.append("loss \(NumberText.fixed(epoch.loss, 4))")
        if let accuracy = epoch.metrics.first { parts.append("accuracy \(NumberText.fixed(accuracy * 100, 2)) %") }
        parts.append("rate \(NumberText.rate(learningRate))")
        parts.append("\(NumberText.grouped(Int(rate))) samples/s")
        parts.append("\(NumberText.duration(left)) left")
        return parts.joined(separator: "  ")
    }
}
