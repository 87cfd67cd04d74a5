import LockstepCollectives
import LockstepCore
import Testing

@Suite struct RecordSummaryTests {
    private func record(
        _ lanes: Range<Int>, sums: Int, hash: UInt64 = 1, lane: Int? = nil, asked: UInt32 = 0
    ) -> ControlRecord {
        ControlRecord(
            lanes: lanes, sums: (0..<sums).map { Double(lanes.lowerBound) + Double($0) / 3 }, sampleHash: 9,
            firstNonFiniteLane: lane, stateHash: StateHash(high: 0, low: hash), askedGeneration: asked)
    }

    @Test func itSaysWhatAllRecordsSayTogether() throws {
        let tree = LaneTree(laneCount: 5)
        // Roots of 0..<3 are (01) and 2; of 3..<5 they are 3 and 4.
        let summary = try RecordSummary(
            records: [record(3..<5, sums: 4, lane: 4, asked: 8), record(0..<3, sums: 4, lane: 1, asked: 2)], tree: tree,
            sumCount: 2)
        #expect(summary.firstNonFiniteLane == 1)
        #expect(summary.askedGeneration == 8)
        #expect(summary.agreedHash == StateHash(high: 0, low: 1))
        let third = 1.0 / 3
        let first = (0 + 2 * third) + (3 + (3 + 2 * third))
        #expect(abs(summary.totals[0] - first) < 1e-12)
        let differing = try RecordSummary(
            records: [record(0..<3, sums: 4), record(3..<5, sums: 4, hash: 2)], tree: tree, sumCount: 2)
        #expect(differing.agreedHash == nil)
        #expect(differing.stateHashes == [StateHash(high: 0, low: 1), StateHash(high: 0, low: 2)])
    }

    @Test func itHasWhatOwnerAndAuditorSayOfALane() throws {
        var records = [record(0..<3, sums: 4), record(3..<5, sums: 4)]
        records[0].auditHash = 6
        records[1].ownLaneHash = 5
        let summary = try RecordSummary(records: records, tree: LaneTree(laneCount: 5), sumCount: 2)
        #expect(summary.ownLaneHashes == [0, 5] && summary.auditHashes == [6, 0])
    }

    @Test func lanesMustBeCoveredOnce() {
        let tree = LaneTree(laneCount: 5)
        let wrong = [
            [record(0..<3, sums: 4)], [record(0..<3, sums: 4), record(2..<5, sums: 6)],
            [record(0..<5, sums: 2), record(3..<5, sums: 4)], [record(0..<3, sums: 4), record(3..<5, sums: 2)],
            [record(0..<6, sums: 2)], [],
        ]
        for records in wrong {
            #expect(throws: RecordSummary.Fault.self) { try RecordSummary(records: records, tree: tree, sumCount: 2) }
        }
    }
}
