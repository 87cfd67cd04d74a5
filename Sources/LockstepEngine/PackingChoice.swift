/// What one worker packs of a plan, and instructions that know it. A weight that few rows meet is read as it stands in
/// the flat vector: packing it would cost more than it saves. No choice changes a bit.
struct PackingChoice {
    private(set) var packings: [Packing] = []
    /// The first so many are all that inference needs.
    private(set) var inferenceCount = 0
    /// Floats of all packed weights.
    private(set) var floats = 0
    private(set) var training: [Instruction]
    private(set) var inference: [Instruction]

    /// Up to so many rows of all groups together, products by packed weights are slower.
    private static let fewRows = 32

    /// - Parameters:
    ///   - samples: the most of the worker.
    ///   - groups: of lanes in the worker; each reads the weights by itself.
    init(_ plan: Plan, samples: Int, groups: Int) {
        // By place in the plan; looked up only.
        var places: [Int: Int] = [:]
        for (index, packing) in plan.packings.enumerated() {
            let rows = samples.multipliedSaturating(by: packing.instruction.positions)
            let isRead =
                switch packing.instruction.code {
                case .linear: rows <= PackingChoice.fewRows
                // Its columns are next to each other in memory, so that a single group packs nothing by reading it.
                case .linearDataGradient: rows <= PackingChoice.fewRows || groups == 1
                default: false
                }
            places[packing.packed] = isRead ? -1 : floats
            guard !isRead else { continue }
            if index < plan.inferencePackings { inferenceCount += 1 }
            packings.append(packing)
            packings[packings.count - 1].packed = floats
            floats += FlatLayout.aligned(packing.count)
        }
        func placed(_ list: InstructionList) -> [Instruction] {
            list.instructions.map { instruction in
                var placed = instruction
                placed.packed = places[instruction.packed] ?? -1
                return placed
            }
        }
        (training, inference) = (placed(plan.training), placed(plan.inference))
    }
}
