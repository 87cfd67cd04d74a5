internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepJobs

/// Continues texts with a model that gives the next byte at each position of its input.
///
/// The input is a window of fixed length over the end of the text; while the text is shorter, zeros stand behind it. Every
/// operation is the engine's or rounded once, so the same run, prompt and seed give the same text on every machine.
struct TextContinuation {
    private let model: TrainedModel
    private let runner: ModelRunner
    private let kernels: Kernels
    private let context: Int

    private static let byteCount = 256

    /// - Throws: `CommandError.usage` where the model is of another kind.
    init(_ model: TrainedModel, runner: ModelRunner, kernels: Kernels) throws(CommandError) {
        let context = model.preprocessing.inputShape.first ?? 0
        guard model.preprocessing.tokens == .bytes, model.positions == context,
            model.plan.outputElements == context * TextContinuation.byteCount
        else {
            throw .usage(
                "--prompt: this run's model gives no next byte at each position; train one on a bytes source (cluster/jobs/gpt-bytes.yaml), or use --input"
            )
        }
        self.model = model
        self.runner = runner
        self.kernels = kernels
        self.context = context
        guard !looksAhead else {
            throw .usage(
                "--prompt: this run's model looks ahead: what it gives at a position depends on later bytes; make its attention causal"
            )
        }
    }

    /// The bytes that follow a text.
    ///
    /// - Throws: `CommandError`: usage where the prompt is empty, or a failure where the model gives no numbers.
    func bytes(after prompt: [UInt8], _ sampling: TextSampling) throws(CommandError) -> [UInt8] {
        guard !prompt.isEmpty else { throw .usage("--prompt: it is empty; give at least one character") }
        let generator = Philox(seed: sampling.seed, purpose: .sampling)
        var text = Array(prompt.suffix(context))
        var added: [UInt8] = []
        added.reserveCapacity(sampling.length)
        for index in 0..<sampling.length {
            let uniform = generator.uniform(site: 0, index: UInt64(index), element: 0)
            guard let next = choice(logits(after: text), sampling.temperature, uniform) else {
                throw .failed("the model gives numbers that are not finite; use a snapshot of another step")
            }
            added.append(next)
            if text.count == context { text.removeFirst() }
            text.append(next)
        }
        return added
    }

    /// - Parameter text: not empty, at most `context` bytes.
    private func logits(after text: [UInt8]) -> [Float] {
        let window = text.map { Float($0) } + Array(repeating: 0, count: context - text.count)
        let start = (text.count - 1) * TextContinuation.byteCount
        return Array(runner.outputs(of: window)[start..<start + TextContinuation.byteCount])
    }

    /// Whether the first position's outputs change where only the last input does. The same inputs give the same bits.
    private var looksAhead: Bool {
        guard context > 1 else { return false }
        let first = (0..<2).map { last in
            let window = Array(repeating: Float(0), count: context - 1) + [Float(last)]
            return runner.outputs(of: window).prefix(TextContinuation.byteCount).map(\.bitPattern)
        }
        return first[0] != first[1]
    }

    /// The byte at which the sum of probabilities exceeds its share `uniform`; nil where logits are not finite.
    private func choice(_ logits: [Float], _ temperature: Double, _ uniform: Float) -> UInt8? {
        guard logits.allSatisfy(\.isFinite) else { return nil }
        var best = 0
        for index in logits.indices where logits[index] > logits[best] { best = index }
        let factor = Float(1 / temperature)
        guard factor.isFinite else { return UInt8(truncatingIfNeeded: best) }
        // Differences to the greatest, so that a small temperature cannot overflow to NaN.
        let greatest = logits[best]
        var shares = logits.map { logit in
            let difference = logit - greatest
            return max(difference * factor, -1000)
        }
        shares.withUnsafeMutableBufferPointer { shares in
            if let start = shares.baseAddress { kernels.softmax(rows: 1, count: shares.count, start) }
        }
        var total: Float = 0
        for share in shares { total += share }
        let wanted = total * uniform
        var sum: Float = 0
        for (index, share) in shares.enumerated() {
            sum += share
            if sum > wanted { return UInt8(truncatingIfNeeded: index) }
        }
        return UInt8(truncatingIfNeeded: best)
    }

    /// A text as it is safe to show: lines and tabs stay, other control characters are escaped, what is no UTF-8 replaced.
    static func shown(_ text: [UInt8]) -> String {
        text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
            line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self).escapedForDisplay(limit: .max) }.joined(separator: "\t")
        }.joined(separator: "\n")
    }
}
