/// Something that keeps a run's reports from proving that every sample counted exactly once.
package struct AuditFinding: Sendable, Hashable, CustomStringConvertible {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// No report can be read there.
        case damage
        /// A step that is reported twice, out of order, or that the job does not have.
        case order
        /// A step has no report.
        case missing
        /// A step is reported in another epoch than its own.
        case epoch
        /// Of a generation that the journal does not know.
        case generation
        /// The lanes of a generation's members are not each lane once.
        case lanes
        /// Another number of hashes than the generation has members.
        case members
        /// A worker used other samples than its lanes hold.
        case samples
        /// The running sum of the epoch, which is a part of the state, is another than it must be.
        case sum
    }

    package let kind: Kind
    /// nil where it is about no step of the job.
    package internal(set) var steps: ClosedRange<Int>?
    package let epochs: ClosedRange<Int>?
    package let generation: UInt32?
    /// The worker's name.
    package let worker: String?
    package let what: String

    package var description: String {
        guard let steps else { return what }
        let step = steps.count == 1 ? "step \(steps.lowerBound)" : "steps \(steps.lowerBound) to \(steps.upperBound)"
        guard let epochs else { return "\(step): \(what)" }
        let epoch =
            epochs.count == 1 ? "epoch \(epochs.lowerBound)" : "epochs \(epochs.lowerBound) to \(epochs.upperBound)"
        return "\(step) of \(epoch): \(what)"
    }
}

/// Findings in the order in which they were made; those of neighbouring steps that are alike count as one.
struct AuditFindings: Sendable {
    /// More are counted, but not kept.
    static let mostKept = 1000
    /// So many of the last findings may go on in the next step.
    private static let mostOpen = 64

    private(set) var kept: [AuditFinding] = []
    private(set) var count = 0

    /// - Parameter what: goes on after the steps and their epoch; of findings that become one the first counts.
    mutating func add(
        _ kind: AuditFinding.Kind, steps: ClosedRange<Int>? = nil, epochs: ClosedRange<Int>? = nil,
        generation: UInt32? = nil, worker: String? = nil, _ what: String
    ) {
        if let steps {
            for index in kept.indices.suffix(AuditFindings.mostOpen).reversed() {
                let known = kept[index]
                guard known.kind == kind, known.worker == worker, known.generation == generation,
                    known.epochs == epochs, let before = known.steps, before.upperBound + 1 == steps.lowerBound
                else { continue }
                kept[index].steps = before.lowerBound...steps.upperBound
                return
            }
        }
        count += 1
        guard kept.count < AuditFindings.mostKept else { return }
        kept.append(
            AuditFinding(
                kind: kind, steps: steps, epochs: epochs, generation: generation, worker: worker, what: what))
    }
}
