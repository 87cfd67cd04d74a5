package import LockstepCore
package import LockstepData
package import LockstepEngine
internal import LockstepFormats

/// The tensors of a weight file, every one of them compared with the model's.
package struct WeightFile: Sendable {
    /// Over parameters and buffers: that of a snapshot with the same ones, counters of batches left out.
    package let digest: Digest
    /// In the order in which a reader of the model expects them: flat order turned round.
    private let tensors: [TensorView]

    /// Differences that are named before the rest is only counted.
    private static let differenceLimit = 30

    /// - Throws: `CommandError.usage` with everything in which the file differs from the model.
    package init(_ file: DataFile, layout: FlatLayout) throws(CommandError) {
        let name = file.name.escapedForDisplay(limit: 200)
        let found: Safetensors
        do {
            found = try Safetensors(parsing: file.bytes)
        } catch {
            throw .usage("initialize: \(name): \(error); give a safetensors file")
        }
        // Looked up only, never iterated.
        let byName = Dictionary(found.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var tensors: [TensorView] = []
        var differences: [String] = []
        for entry in layout.entries.reversed() {
            guard let tensor = byName[entry.name] else {
                differences.append("missing: \(entry.name) \(entry.shape)")
                continue
            }
            if let difference = WeightFile.difference(tensor, entry.shape, .float32) { differences.append(difference) }
            tensors.append(tensor)
        }
        let known = Set(layout.entries.map(\.name)), counters = Set(layout.batchCounters)
        for tensor in found.tensors where !known.contains(tensor.name) {
            if counters.contains(tensor.name) {
                if let difference = WeightFile.difference(tensor, [], .int64) { differences.append(difference) }
            } else {
                differences.append(
                    "not in the model: \(tensor.name.escapedForDisplay(limit: 100)) \(tensor.shape)")
            }
        }
        guard differences.isEmpty else { throw WeightFile.refusal(name, differences) }
        self.tensors = tensors
        digest = TensorDigest.digest(of: [tensors])
    }

    /// Writes the tensors over a state's parameters and buffers.
    func fill(_ state: FlatState) {
        for (view, tensor) in zip(state.parameterViews.reversed(), tensors) {
            guard let target = view.elements.baseAddress else { continue }
            tensor.copyFloats(0..<view.elements.count, to: target)
        }
    }

    private static func difference(_ tensor: TensorView, _ shape: [Int], _ type: TensorType) -> String? {
        let name = tensor.name.escapedForDisplay(limit: 100)
        if tensor.shape != shape { return "\(name): its shape is \(tensor.shape), the model's \(shape)" }
        if tensor.type != type { return "\(name): its type is \(tensor.type.rawValue), the model's \(type.rawValue)" }
        let isFinite = type != .float32 || (0..<tensor.count).allSatisfy { tensor.float(at: $0).isFinite }
        return isFinite ? nil : "\(name): it holds numbers that are not finite"
    }

    private static func refusal(_ name: String, _ differences: [String]) -> CommandError {
        let shown = differences.prefix(differenceLimit).map { "\n  \($0)" }.joined()
        let rest = differences.count - differenceLimit
        return .usage(
            "initialize: \(name) does not fit the model; give one with all of the model's tensors and no others:\(shown)"
                + (rest > 0 ? "\n  and \(rest) more" : ""))
    }
}
