package import LockstepCore

/// What the control records of all members say together. The same in every worker, to the bit.
package struct RecordSummary: Sendable, Equatable {
    /// Why records make no summary.
    package struct Fault: Error, Sendable, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// The sums over all lanes, added by the canonical tree: loss, weight, then metrics.
    package let totals: [Double]
    /// For each member, in roster order, the state hash that it sent.
    package let stateHashes: [StateHash]
    /// For each member, in roster order, the hash over its samples' numbers.
    package let sampleHashes: [UInt64]
    /// The least lane whose loss is not finite.
    package let firstNonFiniteLane: Int?
    /// The greatest generation that anyone asks to freeze for, 0 for none.
    package let askedGeneration: UInt32
    /// For each member, in roster order, what it says of the turn's audited lane as its owner, and as its auditor; 0 for
    /// who is not.
    package let ownLaneHashes: [UInt64]
    package let auditHashes: [UInt64]

    /// - Parameters:
    ///   - records: of all members in roster order. Their lanes must cover the tree's lanes exactly once.
    ///   - sumCount: sums in a record for each root.
    package init(records: [ControlRecord], tree: LaneTree, sumCount: Int) throws(Fault) {
        var nodes: [LaneTree.Node] = []
        var values: [[Double]] = []
        let order = records.indices.sorted { records[$0].lanes.lowerBound < records[$1].lanes.lowerBound }
        for record in order.map({ records[$0] }) {
            let roots = tree.roots(in: record.lanes)
            guard record.sums.count == roots.count * sumCount else {
                throw Fault(description: "a record of lanes \(record.lanes) holds \(record.sums.count) sums")
            }
            nodes += roots
            for index in roots.indices {
                values.append(Array(record.sums[(index * sumCount)..<((index + 1) * sumCount)]))
            }
        }
        // Lanes are counted too: a record that overlaps another could otherwise hide behind clipped roots.
        let laneCount = records.reduce(0) { $0 + $1.lanes.count }
        guard laneCount == tree.laneCount, let additions = tree.additions(of: nodes, to: tree.root) else {
            throw Fault(description: "the records' lanes do not cover 0..<\(tree.laneCount) exactly once")
        }
        for addition in additions {
            for index in 0..<sumCount { values[addition.into][index] += values[addition.from][index] }
        }
        totals = values[0]
        stateHashes = records.map(\.stateHash)
        sampleHashes = records.map(\.sampleHash)
        firstNonFiniteLane = records.compactMap(\.firstNonFiniteLane).min()
        askedGeneration = records.map(\.askedGeneration).max() ?? 0
        ownLaneHashes = records.map(\.ownLaneHash)
        auditHashes = records.map(\.auditHash)
    }

    /// The one hash that all sent, or nil where they differ.
    package var agreedHash: StateHash? {
        stateHashes.allSatisfy { $0 == stateHashes.first } ? stateHashes.first : nil
    }
}
