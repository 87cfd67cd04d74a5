import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import Testing

/// Control records of a peer: thousands of damaged ones are taken or refused, and none ends the process.
@Suite struct FuzzTests {
    @Test func controlRecords() throws {
        // As in the corpus: the second of two members sends them.
        let plan = try ExchangePlan(
            tree: LaneTree(laneCount: 8), lanes: [0..<3, 3..<8], ownIndex: 1, elementCount: 64, sumCount: 2,
            settings: ExchangeSettings())
        for file in try Fuzzer.files(of: "record") {
            #expect(throws: Never.self, "\(file.name)") { try ControlRecord(decoding: file.bytes, from: 1, by: plan) }
        }
        try Fuzzer("record").run(refusing: ExchangeFault.self) { bytes in
            let record = try ControlRecord(decoding: bytes, from: 1, by: plan)
            guard record.encoded(by: plan) == bytes else { throw FuzzFlaw("a record is read as another") }
        }
    }
}
