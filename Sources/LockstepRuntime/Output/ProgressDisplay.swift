internal import LockstepCluster
internal import LockstepCore

/// What a person watches: a bar that is redrawn on a terminal, one line an epoch elsewhere.
struct ProgressDisplay {
    private let columns: (() -> Int)?
    private let epochs: Int
    private let steps: Int
    private let stepsPerEpoch: Int
    private let write: (String) -> Void
    private var epoch = EpochSummary()
    private var lastStep = 0
    private var learningRate = 0.0
    private var throughput = Throughput()
    private var metric: String?
    private var drawnAt = -1.0
    private var hasLine = false

    /// - Parameters:
    ///   - columns: the width of the terminal, 0 where it does not say; nil where there is no terminal.
    ///   - write: takes text for standard error, unchanged.
    init(columns: (() -> Int)?, epochs: Int, steps: Int, stepsPerEpoch: Int, write: @escaping (String) -> Void) {
        self.columns = columns
        self.epochs = epochs
        self.steps = steps
        self.stepsPerEpoch = stepsPerEpoch
        self.write = write
    }

    /// Goes on in the middle of an epoch, of which this is known.
    mutating func resume(_ epoch: EpochSummary) { self.epoch = epoch }

    /// - Parameter now: seconds of a monotonic clock.
    mutating func add(_ report: StepReport, now: Double) {
        if throughput.steps == 0 { metric = report.metrics.first?.name }
        throughput.add(report, now: now)
        epoch.add(
            epoch: Int(report.epoch), samples: Int(report.samples), loss: report.loss,
            metrics: report.metrics.map(\.value))
        lastStep = Int(report.step)
        learningRate = report.learningRate
        let isEndOfEpoch = lastStep == steps || lastStep % stepsPerEpoch == 0
        if let columns {
            if isEndOfEpoch || now - drawnAt >= 0.1 {
                drawnAt = now
                write("\r\u{1B}[K" + line(columns: columns()))
                hasLine = true
            }
            if isEndOfEpoch { endLine() }
        } else if isEndOfEpoch {
            write(words(isNarrow: false).joined(separator: "  ") + "\n")
        }
    }

    /// Leaves the bar's line, so that what comes next starts on one of its own.
    mutating func endLine() {
        guard hasLine else { return }
        hasLine = false
        write("\n")
    }

    /// The words of the line; a narrow terminal gets shorter ones and no step.
    private func words(isNarrow: Bool) -> [String] {
        let rate = NumberText.grouped(throughput.samplesPerSecond)
        let left = throughput.seconds / Double(max(1, throughput.steps)) * Double(steps - lastStep)
        var words = ["epoch \(epoch.epoch)/\(epochs)"]
        if !isNarrow { words.append("step \(lastStep)/\(steps)") }
        words.append("loss \(NumberText.fixed(epoch.loss, 4))")
        if let metric, let value = epoch.metrics.first {
            let text = NumberText.metric(metric, value)
            words.append(isNarrow && metric == "accuracy" ? text.replacing("accuracy", with: "acc") : text)
        }
        words.append("\(isNarrow ? "lr" : "rate") \(NumberText.rate(learningRate))")
        words.append(isNarrow ? "\(rate)/s" : "\(rate) samples/s")
        words.append("\(NumberText.duration(left)) left")
        return words
    }

    /// One line that never wraps, with a bar that takes what the words leave.
    private func line(columns: Int) -> String {
        let room = (columns > 0 ? columns : 80) - 1
        let isNarrow = room < 116
        let separator = isNarrow ? " " : "  "
        var words = words(isNarrow: isNarrow)
        let width = min(24, room - words.joined(separator: separator).count - separator.count - 2)
        if width >= 4 {
            let doneInEpoch = (lastStep - 1) % stepsPerEpoch + 1
            let stepsOfEpoch = min(stepsPerEpoch, steps - (epoch.epoch - 1) * stepsPerEpoch)
            let filled = min(width, width * doneInEpoch / max(1, stepsOfEpoch))
            let bar = String(repeating: "=", count: filled) + String(repeating: " ", count: width - filled)
            words.insert("[\(bar)]", at: 1)
        }
        return String(words.joined(separator: separator).prefix(room))
    }
}
