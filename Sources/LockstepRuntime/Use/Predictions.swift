internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepFormats
internal import LockstepJobs
internal import LockstepModels

/// What files of predictions hold, told by their ending.
enum PredictionFormat: String, CaseIterable {
    case json, csv, npy

    /// - Throws: `CommandError.usage` where the ending is none of these.
    init(path: String) throws(CommandError) {
        let ending = path.split(separator: "/").last?.split(separator: ".").last.map { String($0).lowercased() }
        guard let format = ending.flatMap(PredictionFormat.init(rawValue:)) else {
            throw .usage(
                "--output \(path.escapedForDisplay(limit: 1000)): name a file that ends in .json, .csv or .npy")
        }
        self = format
    }
}

/// The outputs of a model for some inputs, with what they mean.
struct Predictions {
    private enum Meaning {
        /// Probabilities of classes; the greatest is the guess.
        case classes
        /// Probabilities of classes at each position; the greatest are the guesses.
        case classSequence
        /// The probability of class 1 against class 0.
        case yesOrNo
        /// The probability of each output by itself.
        case probabilities
        case values
    }

    private let names: [String]
    private let outputs: [Float]
    private let width: Int
    private let positions: Int
    private let meaning: Meaning
    private let classNames: ClassNames

    /// - Parameters:
    ///   - names: of the inputs.
    ///   - outputs: of the model, input by input.
    init(names: [String], outputs: [Float], of model: TrainedModel) {
        self.names = names.map { $0.escapedForDisplay(limit: 1000) }
        self.outputs = outputs
        width = model.plan.outputElements
        classNames = ClassNames(model.preprocessing)
        positions = model.positions
        if model.loss.takesClasses {
            meaning = positions > 1 ? .classSequence : .classes
        } else if case .binaryCrossEntropy = model.loss {
            meaning = width == 1 ? .yesOrNo : .probabilities
        } else {
            meaning = .values
        }
    }

    var count: Int { names.count }

    /// One prediction as a JSON object; probabilities by class, or in the order of the classes where those are numbers.
    func value(_ index: Int) -> JSONValue {
        let row = row(index)
        var object = JSONObject([("input", .string(names[index]))])
        if let guess = guess(row[...]) { object["class"] = .string(classNames[guess]) }
        switch meaning {
        case .classes where !classNames.isEmpty:
            object["probabilities"] = .object(
                JSONObject(row.enumerated().map { (classNames[$0], JSONValue.number($1)) }))
        case .yesOrNo: object["probability"] = .number(row[0])
        case .classSequence: object["classes"] = .array(guesses(row).map { .number($0) })
        case .classes, .probabilities: object["probabilities"] = .array(row.map { .number($0) })
        case .values where width == 1: object["value"] = .number(row[0])
        case .values: object["values"] = .array(row.map { .number($0) })
        }
        return .object(object)
    }

    /// - Throws: `CommandError.failed` where the numbers are too many for the format.
    func encoded(as format: PredictionFormat) throws(CommandError) -> [UInt8] {
        switch format {
        case .json: return Array(JSONValue.array((0..<count).map(value)).indentedText.utf8)
        case .csv: return CSVFormat.encoded([heading] + (0..<count).map(cells))
        case .npy:
            do {
                let shape = positions > 1 ? [count, positions, width / positions] : [count, width]
                return try NPYFormat.encoded(TensorView(name: "", shape: shape, floats: outputs))
            } catch {
                throw .failed("the predictions do not fit an npy file: \(error)")
            }
        }
    }

    private var heading: [String] {
        switch meaning {
        case .classes: ["input", "class"] + (0..<width).map { classNames[$0] }
        case .classSequence: ["input"] + (0..<positions).map { "class\($0)" }
        case .yesOrNo: ["input", "class", "probability"]
        case .probabilities: ["input"] + (0..<width).map { "probability\($0)" }
        case .values where width == 1: ["input", "value"]
        case .values: ["input"] + (0..<width).map { "value\($0)" }
        }
    }

    private func cells(_ index: Int) -> [String] {
        let row = row(index)
        guard case .classSequence = meaning else {
            return [names[index]] + (guess(row[...]).map { [classNames[$0]] } ?? []) + row.map { "\($0)" }
        }
        return [names[index]] + guesses(row).map { "\($0)" }
    }

    /// The class that the outputs speak for; nil where they are of no classes.
    private func guess(_ row: ArraySlice<Float>) -> Int? {
        switch meaning {
        case .classes, .classSequence:
            var best = row.startIndex
            for index in row.indices where row[index] > row[best] { best = index }
            return best - row.startIndex
        case .yesOrNo: return (row.first ?? 0) > 0.5 ? 1 : 0
        case .probabilities, .values: return nil
        }
    }

    /// The classes at each position.
    private func guesses(_ row: [Float]) -> [Int] {
        let classes = width / positions
        return (0..<positions).compactMap { guess(row[$0 * classes..<($0 + 1) * classes]) }
    }

    private func row(_ index: Int) -> [Float] { Array(outputs[index * width..<(index + 1) * width]) }
}
