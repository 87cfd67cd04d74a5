import Foundation
import LockstepCore
import Testing

@testable import LockstepCluster

/// Which lane of a step is computed twice, by whom, and what becomes of the voices.
@Suite struct LaneAuditTests {
    private func roster(_ generation: UInt32, members: Int, lanes: Int = 8, every: UInt32 = 1) -> Roster {
        let ranges = LaneAssignment.ranges(laneCount: lanes, workers: members) ?? []
        return Roster(
            generation: generation,
            members: ranges.enumerated().map {
                Roster.Member(
                    name: "w\($0)", process: ProcessNumber(UInt64($0)), host: "h", ports: [1], lanes: $1)
            }, start: StatePoint(step: 0), stateHash: StateHash(high: 0, low: 1),
            exchange: TestWorker.roster(1).exchange, auditEverySteps: every)
    }

    private func audits(_ roster: Roster, seed: UInt64 = 7, steps: UInt32 = 400) -> [LaneAudit?] {
        (1...steps).map { LaneAudit(ofStep: $0, in: roster, seed: seed) }
    }

    @Test func everySoManyStepsALaneIsDrawn() {
        #expect(audits(roster(1, members: 3, every: 0)).allSatisfy { $0 == nil })
        for every in [1, 3, 7] as [UInt32] {
            let audits = audits(roster(1, members: 3, every: every))
            for (index, audit) in audits.enumerated() { #expect((audit != nil) == ((index + 1) % Int(every) == 0)) }
        }
    }

    /// The lane follows from seed and step alone, so that an audit of a step that is done again is of the same lane.
    @Test func theLaneIsTheSameForAllWorkersAndGenerations() {
        let lanes = audits(roster(1, members: 1)).map { $0?.lane }
        for members in 2...8 {
            let isSame = audits(roster(5, members: members)).map { $0?.lane } == lanes
            #expect(isSame, "\(members) members")
        }
        let isOther = audits(roster(1, members: 1), seed: 8).map { $0?.lane } != lanes
        #expect(isOther)
        for lane in 0..<8 {
            #expect((25...75).contains(lanes.count { $0 == lane }), "lane \(lane) is drawn too seldom")
        }
        #expect(Array(lanes.prefix(12)) == LaneAuditTests.documented)
    }

    /// As `docs/protocol.md` has them, of seed 7 in 8 lanes from step 1 on.
    private static let documented: [Int?] = [1, 4, 3, 3, 3, 4, 2, 0, 3, 1, 0, 6]

    @Test func anotherMemberComputesItAgain() {
        for members in 2...8 {
            let roster = roster(1, members: members)
            var auditors = [Int](repeating: 0, count: members)
            for audit in audits(roster, steps: 800).compactMap({ $0 }) {
                #expect(audit.auditor != audit.owner)
                #expect(roster.members[audit.owner].lanes.contains(audit.lane))
                auditors[audit.auditor] += 1
            }
            #expect(auditors.allSatisfy { $0 > 800 / members / 2 }, "\(auditors)")
            guard members > 2 else { continue }
            let others = audits(self.roster(2, members: members), steps: 800)
            let isOther = others != audits(roster, steps: 800)
            #expect(isOther, "a generation draws its own auditors")
        }
        #expect(audits(roster(1, members: 1)).allSatisfy { $0?.owner == 0 && $0?.auditor == 0 })
    }

    @Test func theIntervalIsInTheRoster() throws {
        let with = roster(1, members: 2, every: 3)
        let encoded = try JSONEncoder().encode(with)
        #expect(try JSONDecoder().decode(Roster.self, from: encoded) == with)
        let without = try JSONEncoder().encode(roster(1, members: 2, every: 0))
        #expect(!String(decoding: without, as: UTF8.self).contains("audit"))
        #expect(try JSONDecoder().decode(Roster.self, from: without).auditEverySteps == 0)
    }

    // MARK: Votes

    private func vote(_ voices: [(String, UInt64)]) -> LaneVote {
        LaneVote(
            LaneDifference(lane: 5, voices: voices.map { LaneDifference.Voice(name: $0, hash: $1) }), step: 14,
            generation: 1)
    }

    @Test func whoComputedOtherwiseThanMostIsOutvoted() {
        #expect(vote([("a", 1), ("b", 2), ("c", 2)]).outvoted == ["a"])
        #expect(vote([("a", 1), ("b", 2), ("c", 1)]).outvoted == ["b"])
        #expect(vote([("a", 1), ("b", 2), ("c", 1), ("d", 3)]).outvoted == ["b", "d"])
        #expect(vote([("a", 1), ("b", 2)]).outvoted.isEmpty)
        #expect(vote([("a", 1), ("b", 2), ("c", 3)]).outvoted.isEmpty)
        #expect(vote([("a", 1), ("b", 2), ("c", 1), ("d", 2)]).outvoted.isEmpty)
        // A lone worker is both.
        #expect(vote([("a", 1), ("a", 2)]).outvoted.isEmpty)
    }

    @Test func voicesAreAddedOnce() {
        var vote = vote([("a", 1), ("b", 2)])
        vote.add(self.vote([("a", 1), ("b", 2), ("c", 2)]))
        vote.add(self.vote([("a", 1), ("b", 2), ("c", 2)]))
        #expect(vote.voices.map(\.name) == ["a", "b", "c"] && vote.outvoted == ["a"])
        vote.add(
            LaneVote(
                LaneDifference(lane: 5, voices: [LaneDifference.Voice(name: "d", hash: 1)]), step: 15, generation: 1))
        #expect(vote.voices.count == 3)
    }

    @Test func theVerdictNamesLaneStepAndWorker() {
        let three = vote([("a", 1), ("b", 2), ("c", 2)]).verdict
        #expect(three.worker == "a" && three.lane == 5 && three.step == 14)
        #expect(
            three.message
                == "worker a computed lane 5 of step 14 otherwise than most did (a 0000000000000001, b 0000000000000002, "
                + "c 0000000000000002); nothing of the step was applied; test the memory and the processor of its machine "
                + "before it takes part again")
        let two = vote([("a", 1), ("b", 2)]).verdict
        #expect(two.worker == nil && two.message.contains("add a worker"))
        let one = vote([("a", 1), ("a", 2)]).verdict
        #expect(one.worker == "a" && one.message.contains("computed lane 5 of step 14 twice, differently"))
    }
}
