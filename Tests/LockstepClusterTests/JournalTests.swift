import LockstepCluster
import LockstepCore
import LockstepTestSupport
import Testing

@Suite struct JournalTests {
    private static let hash = StateHash(high: 3, low: 4)
    private static let digest = DigestBuilder.digest(of: [7])
    private static let roster = Roster(
        generation: 5,
        members: [Roster.Member(name: "w0", process: ProcessNumber(1), host: "h", port: 2, lanes: 0..<4)],
        startStep: 0, stateHash: hash, bucketBoundaries: [16])

    private static let records: [JournalRecord] = [
        .incarnation(1), .generation(5), .roster(roster), .snapshot(step: 4, hash: hash, digest: digest),
        .snapshot(step: 2, hash: hash, digest: digest),
        .verdict(Verdict(worker: "w0", stage: .backward, step: 5, lane: 1, cause: "c", message: "m")),
        .incarnation(2), .generation(7), .generation(6), .snapshot(step: 4, hash: hash, digest: digest),
        .final(step: 9, hash: hash),
    ]

    @Test func aJournalSaysWhatARunDid() {
        let history = JournalRecord.replay(Self.records)
        #expect(history.greatestIncarnation == 2 && history.greatestGeneration == 7)
        #expect(history.lastRoster == Self.roster)
        #expect(history.snapshots.map(\.step) == [2, 4])
        #expect(history.isFinal && history.final?.step == 9 && history.final?.hash == Self.hash)
        // A new attempt is not the failed one.
        #expect(history.lastVerdict == nil)
        #expect(JournalRecord.replay(Array(Self.records.prefix(6))).lastVerdict?.message == "m")
        #expect(!JournalRecord.replay(Array(Self.records.dropLast())).isFinal)
        #expect(JournalRecord.replay([]) == JournalHistory())
        // A roster counts for its generation, and the newest record of a step for its snapshot.
        #expect(JournalRecord.replay([.roster(Self.roster)]).greatestGeneration == 5)
        let other = DigestBuilder.digest(of: [8])
        let again = JournalRecord.replay(Self.records + [.snapshot(step: 2, hash: Self.hash, digest: other)])
        #expect(again.snapshots.map(\.digest) == [other, Self.digest])
    }

    @Test func aRecordSurvivesTheDisk() throws {
        for record in Self.records {
            let bytes = try ControlMessageCoding.encode(record)
            #expect(try ControlMessageCoding.decodeRecord(bytes) == record)
        }
        let text = String(decoding: try ControlMessageCoding.encode(Self.records[3]), as: UTF8.self)
        #expect(
            text
                == #"{"digest":"\#(Self.digest)","hash":"00000000000000030000000000000004","kind":"snapshot","step":4}"#
        )
        for wrong in [
            "", "{}", #"{"kind":"dance"}"#, #"{"kind":"generation"}"#, #"{"kind":"generation","number":-1}"#,
            #"{"kind":"snapshot","step":4,"hash":"00000000000000030000000000000004"}"#,
        ] {
            #expect(throws: ControlMessageCoding.Fault.self, "\(wrong)") {
                try ControlMessageCoding.decodeRecord(Array(wrong.utf8))
            }
        }
    }

    @Test func damagedRecordsNeverTrap() throws {
        let seed: UInt64 = 51
        var random = SeededGenerator(seed: seed)
        for _ in 0..<600 {
            var bytes = try ControlMessageCoding.encode(Self.records.randomElement(using: &random) ?? .generation(1))
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            guard let record = try? ControlMessageCoding.decodeRecord(bytes) else { continue }
            _ = JournalRecord.replay([record])
            let again = try ControlMessageCoding.decodeRecord(try ControlMessageCoding.encode(record))
            #expect(again == record, "seed \(seed)")
        }
    }
}
