internal import LockstepCore
internal import LockstepFormats

/// Inputs and labels of two arrays, kept as their bytes.
struct ArrayReader: SampleReader {
    let count: Int
    let inputShape: [Int]
    let target: SampleTarget
    let greatestLabelSample: Int
    let tokenCount: Int?
    let contentDigest: Digest
    private let inputs: TensorView
    private let labels: TensorView

    /// Greater labels are refused: they are no classes.
    private static let maximumClasses = 1 << 20

    /// - Throws: a usage error that names the file.
    init(
        inputs: TensorView, of inputFile: DataFile, labels: TensorView, of labelFile: DataFile,
        preprocessing: Preprocessing?
    ) throws(CommandError) {
        inputShape = try ArrayReader.inputShape(of: inputs, inputFile)
        count = inputs.shape[0]
        guard labels.isNumeric, labels.shape.first == count, labels.shape.count <= 2, labels.count > 0 else {
            throw labelFile.refusal(
                "labels of shape \(labels.shape) do not fit \(count) inputs; give an array of shape [\(count)] or [\(count), values]"
            )
        }
        let expectsValues = if case .values? = preprocessing?.target { true } else { false }
        if labels.type.isInteger, !expectsValues {
            (target, greatestLabelSample) = try ArrayReader.classes(of: labels, samples: count, labelFile)
        } else {
            try ArrayReader.checkFinite(labels, labelFile)
            (target, greatestLabelSample) = (.values(labels.count / count), 0)
        }
        self.inputs = inputs
        self.labels = labels
        tokenCount = ArrayReader.tokenCount(of: inputs)

        var digest = DigestBuilder()
        digest.update("arrays")
        digest.update(UInt64(count))
        digest.update(UInt64(inputShape.count))
        for extent in inputShape { digest.update(UInt64(extent)) }
        ArrayReader.update(&digest, inputs)
        switch target {
        case .classes:
            digest.update("classes")
            for index in 0..<count { digest.update(Int64(labels.int(at: index) ?? 0)) }
        case .classSequence:
            digest.update("class sequences")
            ArrayReader.update(&digest, labels)
        case .values:
            digest.update("values")
            ArrayReader.update(&digest, labels)
        }
        contentDigest = digest.finalize()
    }

    var preprocessing: Preprocessing { Preprocessing(inputShape: inputShape, target: target) }

    func read(_ sample: Int, input: UnsafeMutablePointer<Float>, target: UnsafeMutableRawPointer) {
        inputs.copyFloats(sample * inputCount..<(sample + 1) * inputCount, to: input)
        switch self.target {
        case .classes:
            target.storeBytes(of: Int32(truncatingIfNeeded: labels.int(at: sample) ?? 0), as: Int32.self)
        case .classSequence(_, let length):
            let positions = target.assumingMemoryBound(to: Int32.self)
            for position in 0..<length {
                positions[position] = Int32(truncatingIfNeeded: labels.int(at: sample * length + position) ?? 0)
            }
        case .values(let width):
            labels.copyFloats(
                sample * width..<(sample + 1) * width, to: target.bindMemory(to: Float.self, capacity: width))
        }
    }

    /// The shape of one input of an array of them.
    static func inputShape(of inputs: TensorView, _ file: DataFile) throws(CommandError) -> [Int] {
        guard inputs.isNumeric, !inputs.shape.isEmpty else {
            throw file.refusal("inputs must be an array of numbers whose first extent counts the samples")
        }
        guard inputs.count > 0 else {
            throw file.refusal("it is empty (shape \(inputs.shape)); training needs at least one sample")
        }
        try checkFinite(inputs, file)
        switch inputs.shape.count {
        case 1: return [1]
        case 3: return Array(inputs.shape.dropFirst()) + [1]
        default: return Array(inputs.shape.dropFirst())
        }
    }

    /// Of whole numbers that can be tokens.
    private static func tokenCount(of inputs: TensorView) -> Int? {
        guard inputs.type.isInteger, inputs.shape.count == 2 else { return nil }
        var greatest = 0
        for index in 0..<inputs.count {
            guard let number = inputs.int(at: index), (0...TokenFormat.maximumToken).contains(number) else {
                return nil
            }
            greatest = max(greatest, number)
        }
        return greatest + 1
    }

    private static func classes(
        of labels: TensorView, samples: Int, _ file: DataFile
    ) throws(CommandError) -> (SampleTarget, Int) {
        let length = labels.count / samples
        var greatest = 0
        var sample = 0
        for index in 0..<labels.count {
            guard let label = labels.int(at: index), (0..<maximumClasses).contains(label) else {
                throw file.refusal("a label of sample \(index / length) is not from 0 to \(maximumClasses - 1)")
            }
            if label > greatest { (greatest, sample) = (label, index / length) }
        }
        let isSequence = labels.shape.count > 1 && length > 1
        return (isSequence ? .classSequence(classes: greatest + 1, length: length) : .classes(greatest + 1), sample)
    }

    private static func checkFinite(_ array: TensorView, _ file: DataFile) throws(CommandError) {
        guard !array.type.isInteger else { return }
        for index in 0..<array.count where !array.float(at: index).isFinite {
            let width = array.count / array.shape[0]
            throw file.refusal("sample \(index / width) has a number that is not finite; remove or replace it")
        }
    }

    /// The numbers as `read` gives them, whatever their type.
    private static func update(_ digest: inout DigestBuilder, _ array: TensorView) {
        let block = 4096
        var floats = [Float](repeating: 0, count: block)
        for start in stride(from: 0, to: array.count, by: block) {
            let range = start..<min(start + block, array.count)
            floats.withUnsafeMutableBufferPointer { floats in
                if let target = floats.baseAddress { array.copyFloats(range, to: target) }
            }
            let words = floats[..<range.count].map(\.bitPattern.littleEndian)
            words.withUnsafeBytes { digest.update($0) }
        }
    }
}

extension TensorType {
    /// Whether elements are whole numbers or truth values.
    var isInteger: Bool {
        switch self {
        case .bool, .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64: true
        case .float16, .bfloat16, .float32, .float64, .float8E4M3, .float8E5M2, .float8E8M0: false
        }
    }
}
