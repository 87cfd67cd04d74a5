internal import LockstepCore

/// Contiguous ranges that cover the flat gradient, and after which instruction of training each is complete. A linear
/// layer's gradient that several buckets share is made in parts, a bucket's outputs after the other's.
package struct GradientBuckets: Sendable, Hashable {
    /// What is run as one: an instruction of the plan, or of a weight's gradient some of the outputs.
    struct Part: Hashable {
        /// In the plan.
        let instruction: Int
        /// Nil for all.
        let outputs: Range<Int>?
    }

    /// Outputs are parted at multiples of this: four tiles of the widest kernels.
    static let outputUnit = 56

    /// In flat order.
    package let ranges: [Range<Int>]
    /// The instructions of training in order.
    let parts: [Part]
    /// Numbers of buckets in the order in which they are complete; of those that are at once, the first in flat order first.
    let order: [Int]
    /// By place in `order`: the number of the last part that makes something of the bucket.
    var lastParts: [Int]

    /// - Parameter ends: ascending multiples of `FlatLayout.alignment`, in floats; the end of the layout may be left out.
    /// - Throws: `CommandError.failed` where the ends do not fit the layout.
    init(ends: [Int], plan: Plan, outputUnit: Int = GradientBuckets.outputUnit) throws {
        let (count, instructions) = (plan.layout.count, plan.training.instructions)
        var ranges: [Range<Int>] = []
        for end in (ends.last == count ? ends : ends + [count]) {
            let start = ranges.last?.upperBound ?? 0
            guard start < end, end <= count, end % FlatLayout.alignment == 0 else {
                throw CommandError.failed(
                    "a bucket of the gradient from \(start) to \(end) does not fit the plan's \(count) floats")
            }
            ranges.append(start..<end)
        }
        let parts = instructions.indices.flatMap { GradientBuckets.parts(instructions, $0, ranges, outputUnit) }
        let results = parts.enumerated().flatMap { number, part in
            GradientBuckets.results(instructions, part).map { (range: $0, part: number) }
        }
        let completions = ranges.map { range in
            results.filter { $0.range.overlaps(range) }.map(\.part).max() ?? parts.count - 1
        }
        self.ranges = ranges
        self.parts = parts
        order = ranges.indices.sorted { (completions[$0], $0) < (completions[$1], $1) }
        lastParts = order.map { completions[$0] }
    }

    /// The instructions of training as they are run.
    ///
    /// - Parameter instructions: as many as in the plan.
    func parted(_ instructions: [Instruction]) -> [Instruction] {
        parts.map { part in
            var instruction = instructions[part.instruction]
            guard let outputs = part.outputs else { return instruction }
            instruction.column = outputs.lowerBound
            instruction.columns = instruction.outputs
            instruction.outputs = outputs.count
            instruction.weight.start += outputs.lowerBound * instruction.inputs
            instruction.weight.count = outputs.count * instruction.inputs
            return instruction
        }
    }

    private static func parts(
        _ instructions: [Instruction], _ index: Int, _ ranges: [Range<Int>], _ unit: Int
    ) -> [Part] {
        let instruction = instructions[index]
        let (outputs, inputs, weight) = (instruction.outputs, instruction.inputs, instruction.weight)
        guard instruction.code == .linearWeightGradient, weight.shared < 0, outputs > unit else {
            return [Part(instruction: index, outputs: nil)]
        }
        var parts: [Part] = []
        var first = 0
        for end in ranges.map(\.upperBound) where end > weight.start && end < weight.start + weight.count {
            let needed = (end - weight.start + inputs - 1) / inputs
            let last = (needed + unit - 1) / unit * unit
            // A few outputs at the end go with those before them.
            guard last > first, outputs - last > unit / 2 else { continue }
            parts.append(Part(instruction: index, outputs: first..<last))
            first = last
        }
        return parts + [Part(instruction: index, outputs: parts.isEmpty ? nil : first..<outputs)]
    }

    /// The ranges of the flat gradient that are final after a part.
    private static func results(_ instructions: [Instruction], _ part: Part) -> [Range<Int>] {
        let instruction = instructions[part.instruction]
        guard instruction.code.isParameterGradient else { return [] }
        if let outputs = part.outputs {
            let (start, inputs) = (instruction.weight.start, instruction.inputs)
            return [start + outputs.lowerBound * inputs..<start + outputs.upperBound * inputs]
        }
        return [instruction.weight, instruction.bias].filter { $0.start >= 0 && $0.isLastContribution }.map {
            $0.start..<$0.start + $0.count
        }
    }
}

extension FlatLayout {
    /// The ends of its tensors, as ends of buckets.
    package var tensorEnds: [Int] { entries.map { FlatLayout.aligned($0.range.upperBound) } }
}

extension Plan {
    /// Where a bucket may end so that it is complete before what follows: behind each tensor, and inside the weights of
    /// large linear layers, whose gradients are made in parts then.
    package var gradientCuts: [Int] {
        let ends = training.instructions.filter { $0.code == .linearWeightGradient && $0.weight.shared < 0 }.flatMap {
            let (outputs, inputs, start) = ($0.outputs, $0.inputs, $0.weight.start)
            let unit = GradientBuckets.outputUnit
            let least = max(Plan.leastCutFloats / inputs, outputs / Plan.mostCutsOfTensor)
            return stride(from: 0, to: outputs - unit / 2, by: (least / unit + 1) * unit).dropFirst().map {
                (start + $0 * inputs) / FlatLayout.alignment * FlatLayout.alignment
            }
        }
        return (ends + layout.tensorEnds).sorted().reduce(into: []) { cuts, end in
            if cuts.last != end { cuts.append(end) }
        }
    }

    /// 256 KiB: what is shorter gains little by leaving alone.
    private static let leastCutFloats = 1 << 16
    private static let mostCutsOfTensor = 8
}
