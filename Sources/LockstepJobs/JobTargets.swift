internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepModels

/// Makes the targets of data those that a plan's loss takes.
struct JobTargets {
    let plan: Plan
    let loss: Loss

    /// The reader, or one that gives a class as values: two classes as 0 and 1 for one output, else 1 for the output of
    /// the class and 0 for the others.
    ///
    /// - Throws: a usage error where the tokens do not fit the model's embedding or the targets its outputs.
    func adapted(_ reader: any SampleReader, _ key: String) throws(CommandError) -> any SampleReader {
        try checkTokens(of: reader, key)
        let outputs = plan.outputElements
        switch (plan.target, reader.target) {
        case (.classes, .classes(let classes)):
            try check(classes, atMost: outputs, reader, key)
            return reader
        case (.values, .classes(let classes)):
            try check(classes, atMost: outputs == 1 ? 2 : outputs, reader, key)
            return ClassValues(reader, outputs: outputs)
        case (.values, .values(let values)):
            guard values == outputs else {
                throw .usage(
                    "\(key): a sample has \(values) target values, but the model has \(outputs) outputs; give its last layer \(values)"
                )
            }
            return reader
        case (.classSequence(let positions), .classSequence(let classes, let length)):
            try check(classes, at: positions, length: length, key)
            return reader
        case (.classes, .classSequence(_, let length)):
            throw .usage(
                "\(key): a sample has \(length) target classes, one for each position, but the model gives one class; leave out what takes one position, such as last"
            )
        case (.classSequence(let positions), .classes):
            throw .usage(
                "\(key): a sample has one target class, but the model gives one at each of \(positions) positions; take one of them, for example with the block last"
            )
        case (.classes, .values), (.classSequence, .values):
            throw .usage(
                "\(key): its targets are values, but \(loss) learns classes; use another loss, for example meanSquaredError"
            )
        case (.values, .classSequence):
            throw .usage(
                "\(key): its targets are sequences of classes, but \(loss) learns values; use softmaxCrossEntropy")
        }
    }

    /// What an embedding looks up must be rows of it.
    private func checkTokens(of reader: any SampleReader, _ key: String) throws(CommandError) {
        guard let limit = plan.tokenLimit else { return }
        guard let count = reader.tokenCount else {
            throw .usage(
                "\(key): its inputs are no tokens, but the model looks them up in an embedding; give a source of tokens, such as bytes, tokens or text"
            )
        }
        guard count <= limit else {
            throw .usage(
                "\(key): its tokens go from 0 to \(count - 1), but the embedding that reads them has \(limit) rows; give it count: \(count)"
            )
        }
    }

    private func check(
        _ classes: Int, atMost limit: Int, _ reader: any SampleReader, _ key: String
    ) throws(CommandError) {
        guard classes <= limit else {
            throw .usage(
                "\(key): label \(classes - 1) of sample \(reader.greatestLabelSample) is out of range: the model has \(plan.outputElements) outputs (labels 0 to \(limit - 1)); give its last layer at least \(classes)"
            )
        }
    }

    private func check(
        _ classes: Int, at positions: Int, length: Int, _ key: String
    ) throws(CommandError) {
        guard length == positions else {
            throw .usage(
                "\(key): a sample has \(length) target classes, but the model has outputs at \(positions) positions; give both the same number"
            )
        }
        guard classes <= plan.classes else {
            throw .usage(
                "\(key): its targets are of \(classes) classes, but the model has \(plan.classes) outputs at each position; give its last layer at least \(classes)"
            )
        }
    }
}

/// Samples whose class is given as values.
struct ClassValues: SampleReader {
    private let base: any SampleReader
    private let outputs: Int

    init(_ base: any SampleReader, outputs: Int) {
        self.base = base
        self.outputs = outputs
    }

    var count: Int { base.count }
    var inputShape: [Int] { base.inputShape }
    var target: SampleTarget { .values(outputs) }
    var greatestLabelSample: Int { 0 }
    var contentDigest: Digest { base.contentDigest }
    var tokenCount: Int? { base.tokenCount }
    var preprocessing: Preprocessing { base.preprocessing }

    func read(_ sample: Int, input: UnsafeMutablePointer<Float>, target: UnsafeMutableRawPointer) {
        var label: Int32 = 0
        base.read(sample, input: input, target: &label)
        let values = target.assumingMemoryBound(to: Float.self)
        guard outputs > 1 else {
            values[0] = Float(label)
            return
        }
        for index in 0..<outputs { values[index] = index == Int(label) ? 1 : 0 }
    }
}
