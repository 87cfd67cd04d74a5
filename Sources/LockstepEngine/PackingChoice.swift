/// What one worker packs of a plan, and instructions that know it. A weight that few rows meet is read as it stands in
/// the flat vector: packing it would cost more than it saves. Where there is one group of lanes, a weight is packed just
/// before it is used, and all have the same room, which stays in the cache; several groups share what is packed at the
/// start of a step. No choice changes a bit.
struct PackingChoice {
    private(set) var packings: [Packing] = []
    /// The first so many are all that inference needs.
    private(set) var inferenceCount = 0
    /// Floats of all packed weights.
    private(set) var floats = 0
    private(set) var training: [Instruction]
    private(set) var inference: [Instruction]
    /// By instruction: the number of the packing that is made just before it, or −1; empty where all are made at the start.
    private(set) var trainingPackings: [Int32] = []
    private(set) var inferencePackings: [Int32] = []

    /// Up to so many rows of all groups together, products by packed weights are slower.
    private static let fewRows = 32
    /// The same of a single group.
    private static let fewRowsOfOneGroup = 64

    /// - Parameters:
    ///   - samples: the most of the worker.
    ///   - groups: of lanes in the worker; each reads the weights by itself.
    init(_ plan: Plan, samples: Int, groups: Int) {
        // By place in the plan; looked up only.
        var places: [Int: Int] = [:]
        var numbers: [Int: Int32] = [:]
        let isMadeAtUse = groups == 1
        for (index, packing) in plan.packings.enumerated() {
            let rows = samples.multipliedSaturating(by: packing.instruction.positions)
            let isRead =
                switch packing.instruction.code {
                case .linear:
                    rows <= (groups == 1 ? PackingChoice.fewRowsOfOneGroup : PackingChoice.fewRows)
                // Its columns are next to each other in memory, so that a single group packs nothing by reading it.
                case .linearDataGradient: rows <= PackingChoice.fewRows || groups == 1
                default: false
                }
            let place = isMadeAtUse ? 0 : floats
            places[packing.packed] = isRead ? -1 : place
            guard !isRead else { continue }
            if index < plan.inferencePackings { inferenceCount += 1 }
            numbers[packing.packed] = Int32(packings.count)
            packings.append(packing)
            packings[packings.count - 1].packed = place
            floats = max(floats, place + FlatLayout.aligned(packing.count))
        }
        func placed(_ list: InstructionList) -> [Instruction] {
            list.instructions.map { instruction in
                var placed = instruction
                placed.packed = places[instruction.packed] ?? -1
                return placed
            }
        }
        (training, inference) = (placed(plan.training), placed(plan.inference))
        guard isMadeAtUse else { return }
        trainingPackings = plan.training.instructions.map { numbers[$0.packed] ?? -1 }
        inferencePackings = plan.inference.instructions.map { numbers[$0.packed] ?? -1 }
    }
}

extension Plan {
    /// Floats of packed weights of a worker with so many samples in so many groups of lanes.
    package func packedFloats(samples: Int, groups: Int) -> Int {
        PackingChoice(self, samples: samples, groups: groups).floats
    }
}
