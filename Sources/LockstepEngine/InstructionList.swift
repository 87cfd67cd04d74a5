/// The instructions of one use of a model, training or inference, with the memory that they need.
package struct InstructionList: Sendable, Hashable {
    package private(set) var instructions: [Instruction] = []
    /// By instruction: the path of its module.
    package private(set) var layers: [String] = []
    /// The instructions before this one are forward and the loss.
    package internal(set) var forwardCount = 0
    /// Arena floats for each sample of a lane group.
    package internal(set) var floatsPerSample = 0
    /// Floats for each lane of statistics and sums.
    package internal(set) var floatsPerLane = 0
    /// Floats for each lane, where parameters have several contributions.
    package private(set) var sharedFloatsPerLane = 0

    mutating func append(_ instruction: Instruction, layer: String) {
        instructions.append(instruction)
        layers.append(layer)
    }

    /// A parameter with several contributions has them added lane by lane before the tree sees them; otherwise its
    /// bits would depend on which lanes are computed together. What is made together with such a contribution is
    /// added lane by lane as well.
    mutating func shareGradients(_ layout: FlatLayout) {
        let gradients = instructions.indices.filter { instructions[$0].code.isParameterGradient }
        let slots = gradients.flatMap { index in [(index, \Instruction.weight), (index, \Instruction.bias)] }
        let contributions = layout.entries.map { entry in
            slots.filter { instructions[$0.0][keyPath: $0.1].start == entry.range.lowerBound }
        }
        let shared = Set(contributions.filter { $0.count > 1 }.flatMap { $0.map(\.0) })
        for (entry, own) in zip(layout.entries, contributions) where own.contains(where: { shared.contains($0.0) }) {
            for (position, (index, slot)) in own.enumerated() {
                instructions[index][keyPath: slot].shared = sharedFloatsPerLane
                instructions[index][keyPath: slot].isFirstContribution = position == 0
                instructions[index][keyPath: slot].isLastContribution = position == own.count - 1
            }
            sharedFloatsPerLane += FlatLayout.aligned(entry.range.count)
        }
    }
}
