import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import Testing

@Suite struct JournalTests {
    private static let hash = StateHash(high: 3, low: 4)
    private static let digest = DigestBuilder.digest(of: [7])
    private static let roster = Roster(
        generation: 5,
        members: [Roster.Member(name: "w0", process: ProcessNumber(1), host: "h", ports: [2, 3], lanes: 0..<4)],
        startStep: 0, stateHash: hash, exchange: ExchangeSettings(bucketBoundaries: [16], links: 2))

    private static let records: [JournalRecord] = [
        .incarnation(1), .generation(5), .roster(roster), .snapshot(step: 4, hash: hash, digest: digest),
        .snapshot(step: 2, hash: hash, digest: digest),
        .verdict(Verdict(worker: "w0", stage: .backward, step: 5, lane: 1, cause: "c", message: "m")),
        .incarnation(2), .generation(7), .generation(6), .snapshot(step: 4, hash: hash, digest: digest),
        .final(step: 9, hash: hash), .probe(hash),
    ]

    @Test func aJournalSaysWhatARunDid() {
        let history = JournalRecord.replay(Self.records)
        #expect(history.greatestIncarnation == 2 && history.greatestGeneration == 7)
        #expect(history.lastRoster == Self.roster && history.rosters == [Self.roster])
        #expect(history.probe == Self.hash)
        #expect(history.snapshots.map(\.step) == [2, 4])
        #expect(history.isFinal && history.final?.step == 9 && history.final?.hash == Self.hash)
        // A new attempt is not the failed one.
        #expect(history.lastVerdict == nil)
        #expect(JournalRecord.replay(Array(Self.records.prefix(6))).lastVerdict?.message == "m")
        #expect(!JournalRecord.replay(Array(Self.records.dropLast(2))).isFinal)
        #expect(JournalRecord.replay([]) == JournalHistory())
        // A roster counts for its generation, and the newest record of a step for its snapshot.
        #expect(JournalRecord.replay([.roster(Self.roster)]).greatestGeneration == 5)
        let other = DigestBuilder.digest(of: [8])
        let again = JournalRecord.replay(Self.records + [.snapshot(step: 2, hash: Self.hash, digest: other)])
        #expect(again.snapshots.map(\.digest) == [other, Self.digest])
    }

    /// A run that an earlier version began can be resumed, and looked at.
    @Test func aRosterOfAnEarlierVersionIsUnderstood() throws {
        let text =
            #"{"kind":"roster","roster":{"bucketBoundaries":[16,64],"generation":5,"members":[{"host":"h","lanes":[0,4],"name":"w0","port":2,"process":"0000000000000001"}],"startStep":3,"stateHash":"00000000000000030000000000000004"}}"#
        let member = Roster.Member(name: "w0", process: ProcessNumber(1), host: "h", ports: [2], lanes: 0..<4)
        let roster = Roster(
            generation: 5, members: [member], startStep: 3, stateHash: Self.hash,
            exchange: ExchangeSettings(bucketBoundaries: [16, 64]))
        #expect(try ControlMessageCoding.decodeRecord(Array(text.utf8)) == .roster(roster))
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
