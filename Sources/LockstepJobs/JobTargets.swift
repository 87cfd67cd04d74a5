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
    /// - Throws: a usage error where the targets do not fit the model's outputs.
    func adapted(_ reader: any SampleReader, _ key: String) throws(CommandError) -> any SampleReader {
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
        case (.classes, .values):
            throw .usage(
                "\(key): its targets are values, but \(loss) learns classes; use another loss, for example meanSquaredError"
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
