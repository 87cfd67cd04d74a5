internal import LockstepCluster
internal import LockstepEngine

/// What a damaged state has another way than the sound one that takes its place.
enum StateDamage {
    /// More tensors than these help nobody.
    private static let mostTensors = 8

    /// - Parameter sound: the vectors of the same step.
    /// - Returns: nil where every tensor has the same bits.
    static func between(_ state: FlatState, sound: [UnsafePointer<Float>], step: UInt32) -> Damage? {
        let names = [nil] + FlatState.vectorNames(state.optimizer, keepsBest: state.keepsBest)
        var tensors: [Damage.DamagedTensor] = []
        for (name, (own, sound)) in zip(names, zip([state.parameters] + state.vectors, sound)) {
            for entry in state.layout.entries(ofVector: name) where tensors.count < mostTensors {
                var (count, first) = (0, 0)
                for index in entry.range where own[index].bitPattern != sound[index].bitPattern {
                    if count == 0 { first = index - entry.range.lowerBound }
                    count += 1
                }
                guard count > 0 else { continue }
                let prefix = name.map { $0 + "." } ?? ""
                tensors.append(Damage.DamagedTensor(name: prefix + entry.name, count: count, firstIndex: first))
            }
        }
        return tensors.isEmpty ? nil : Damage(step: step, tensors: tensors)
    }
}
