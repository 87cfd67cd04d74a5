import LockstepCollectives
import LockstepCore
import Testing

@testable import LockstepCluster

/// What a worker makes of an audited lane.
@Suite struct WorkerLaneAuditTests {
    /// Worker w1 of three in a step that has an audit, in the role that is asked for, with its records.
    private struct Rig {
        var worker: TestWorker
        let turn: Turn
        let audit: LaneAudit

        enum Role { case owner, auditor, other }

        init(_ role: Role) throws {
            var preparation = TestWorker.preparation(lastStep: 200)
            preparation.seed = 3
            var worker = TestWorker.prepared(preparation)
            let plain = TestWorker.roster(1)
            let roster = Roster(
                generation: 1, members: plain.members, start: plain.start, stateHash: plain.stateHash,
                exchange: plain.exchange, auditEverySteps: 1)
            _ = worker.start(roster)
            for step in 1...200 as ClosedRange<UInt32> {
                let audit = try #require(worker.core.laneAudit)
                let own: Role = audit.owner == 1 ? .owner : audit.auditor == 1 ? .auditor : .other
                if own == role {
                    self.worker = worker
                    turn = Turn(.train, step: step)
                    self.audit = audit
                    return
                }
                _ = try worker.step(step)
            }
            throw CancellationError()
        }

        func summary(
            own: UInt64, again: UInt64, hashes: [UInt64] = [1, 1, 1], lane: Int? = nil
        ) throws -> RecordSummary {
            let records = (0..<3).map { index in
                ControlRecord(
                    lanes: index..<index + 1, sums: [1, 2], sampleHash: 0,
                    firstNonFiniteLane: lane == index ? lane : nil,
                    stateHash: StateHash(high: 0, low: hashes[index]), ownLaneHash: index == audit.owner ? own : 0,
                    auditHash: index == audit.auditor ? again : 0)
            }
            return try RecordSummary(records: records, tree: LaneTree(laneCount: 3), sumCount: 2)
        }

        /// The voices of owner and auditor.
        func voices(_ own: UInt64, _ again: UInt64) -> [LaneDifference.Voice] {
            [
                LaneDifference.Voice(name: "w\(audit.owner)", hash: own),
                LaneDifference.Voice(name: "w\(audit.auditor)", hash: again),
            ]
        }
    }

    @Test(arguments: [Rig.Role.owner, .auditor, .other])
    private func whatAgreesIsApplied(_ role: Rig.Role) throws {
        var rig = try Rig(role)
        let summary = try rig.summary(own: 7, again: 7)
        #expect(rig.worker.finish(rig.turn, summary).deeds.last == .apply(rig.turn, summary))
    }

    @Test(arguments: [Rig.Role.owner, .auditor])
    private func whoHasAVoiceHaltsAtOnce(_ role: Rig.Role) throws {
        var rig = try Rig(role)
        let actions = rig.worker.finish(rig.turn, try rig.summary(own: 7, again: 8))
        #expect(actions.deeds.count == 1)
        #expect(
            actions.halted
                == Halted(
                    generation: 1, step: rig.turn.step,
                    cause: .auditDiffers(LaneDifference(lane: rig.audit.lane, voices: rig.voices(7, 8)))))
        #expect(rig.worker.core.step == rig.turn.step - 1)
    }

    @Test func allOthersComputeTheLaneFirst() throws {
        var rig = try Rig(.other)
        let actions = rig.worker.finish(rig.turn, try rig.summary(own: 7, again: 8))
        #expect(actions.last == .auditLane(rig.turn, lane: rig.audit.lane) && actions.halted == nil)
        // A freeze waits for the voice.
        #expect(rig.worker.freeze(2).isEmpty)
        #expect(rig.worker.event(.laneAudited(Turn(.train, step: 999), 8)).isEmpty)
        let voiced = rig.worker.event(.laneAudited(rig.turn, 8))
        let voices = rig.voices(7, 8) + [LaneDifference.Voice(name: "w1", hash: 8)]
        #expect(voiced.halted?.cause == .auditDiffers(LaneDifference(lane: rig.audit.lane, voices: voices)))
        #expect(voiced.last == .park)
        let frozen = rig.worker.standStill(voiced)
        #expect(frozen?.generation == 2 && frozen?.holding?.point.step == rig.turn.step - 1)
    }

    /// States that differ come first: then it is no wonder that lanes do. What is not finite at one worker only comes last.
    @Test func anAuditStandsBetweenStatesAndLosses() throws {
        var states = try Rig(.owner)
        let differ = states.worker.finish(states.turn, try states.summary(own: 7, again: 8, hashes: [1, 2, 1]))
        guard case .hashesDiffer? = differ.halted?.cause else { return #expect(Bool(false), "\(differ)") }
        var losses = try Rig(.owner)
        let halted = losses.worker.finish(losses.turn, try losses.summary(own: 7, again: 8, lane: 0)).halted
        guard case .auditDiffers? = halted?.cause else { return #expect(Bool(false), "\(String(describing: halted))") }
        var both = try Rig(.owner)
        #expect(
            both.worker.finish(both.turn, try both.summary(own: 7, again: 7, lane: 0)).halted?.cause
                == .lossNotFinite(lane: 0))
    }

    @Test func withoutAuditNothingIsCompared() throws {
        var worker = TestWorker.running()
        #expect(worker.core.laneAudit == nil)
        let records = (0..<3).map { index in
            ControlRecord(
                lanes: index..<index + 1, sums: [1, 2], sampleHash: 0, stateHash: TestWorker.hash,
                ownLaneHash: UInt64(index), auditHash: 9)
        }
        let summary = try RecordSummary(records: records, tree: LaneTree(laneCount: 3), sumCount: 2)
        let turn = Turn(.train, step: 1)
        #expect(worker.finish(turn, summary).deeds.last == .apply(turn, summary))
    }
}
