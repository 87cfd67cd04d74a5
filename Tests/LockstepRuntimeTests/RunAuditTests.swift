import Foundation
import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepData
import LockstepFormats
import LockstepJobs
import LockstepSnapshots
import Testing

@testable import LockstepRuntime

/// A run directory as a coordinator leaves it: two workers, then three, then two again; 50 samples in 6 lanes.
private struct AuditedRun {
    let order = SampleOrder.training(count: 50, batchSize: 12, seed: 1 << 60)
    let steps = 20
    var description: JSONObject
    var journal: [JournalRecord]
    var lines: [JSONValue] = []

    private static let hash = StateHash(high: 1, low: 2)

    private static func roster(_ generation: UInt32, _ start: UInt32, _ lanes: [Range<Int>]) -> Roster {
        Roster(
            generation: generation,
            members: lanes.enumerated().map { index, lanes in
                Roster.Member(
                    name: "w\(index)", process: ProcessNumber(UInt64(index)), host: "h", ports: [1], lanes: lanes)
            }, startStep: start, stateHash: hash, exchange: ExchangeSettings())
    }

    init() throws {
        let source = JobSource(fileName: "job.yaml", fileDirectory: "/", currentDirectory: "/", text: "")
        description = [
            "run": "job-1", "job": "job", "jobDigest": "0", "samples": 50, "isShuffled": true, "batchSize": 12,
            "lanes": 6, "steps": 20, "seed": .string(String(order.seed)),
            "source": try JSONValue(parsing: Array(JSONEncoder().encode(source))),
        ]
        let lanes: [UInt32: [Range<Int>]] = [2: [0..<3, 3..<6], 3: [0..<2, 2..<4, 4..<6], 7: [0..<5, 5..<6]]
        journal = [
            .incarnation(1), .generation(2), .roster(Self.roster(2, 0, lanes[2] ?? [])), .generation(3),
            .roster(Self.roster(3, 4, lanes[3] ?? [])),
            .snapshot(step: 6, hash: Self.hash, digest: DigestBuilder.digest(of: [])), .incarnation(2),
            .generation(7), .roster(Self.roster(7, 9, lanes[7] ?? [])), .final(step: 20, hash: Self.hash),
        ]
        for step in 1...steps {
            let generation: UInt32 = step <= 4 ? 2 : step <= 9 ? 3 : 7
            var report = StepReport(
                step: UInt32(step), epoch: UInt32(order.epoch(ofStep: step)), loss: 0.5, metrics: [], learningRate: 1,
                samples: 12, seconds: 1)
            report.generation = generation
            report.sampleHashes = (lanes[generation] ?? []).map { order.sampleHash(step: step, lanes: $0, of: 6) }
            report.epochSampleSum = order.epochSampleSum(afterStep: step, laneCount: 6)
            lines.append(RunReport.metrics(report))
        }
    }

    /// What an audit of this says, with `tail` behind the last line.
    func audit(_ tail: String = "") throws -> (result: SampleAuditResult, report: AuditReport) {
        let path = FileManager.default.temporaryDirectory.path + "/lockstep-audit-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let directory = RunDirectory(path: path)
        try (lines.map { $0.text + "\n" }.joined() + tail).write(
            toFile: directory.metrics, atomically: true, encoding: .utf8)
        try JSONValue.object(description).text.write(toFile: directory.run, atomically: true, encoding: .utf8)
        let file = try JournalFile(opening: directory.journal)
        for record in journal { try file.append(try ControlMessageCoding.encode(record)) }
        let audit = try RunAudit(directory)
        return (audit.result, AuditReport(run: audit.run, runDirectory: path, result: audit.result))
    }

    mutating func change(_ step: Int, _ key: String, _ value: JSONValue?) {
        guard var object = lines[step - 1].object else { return }
        object[key] = value
        lines[step - 1] = .object(object)
    }
}

@Suite struct RunAuditTests {
    @Test func aWholeRunIsExact() throws {
        let (result, report) = try AuditedRun().audit()
        #expect(result.isExact && result.completedEpochs == 4 && result.lastStep == 20, "\(result.findings)")
        #expect(
            report.lines == [
                "run       job-1", "samples   50 an epoch, in 6 lanes", "reports   20 steps",
                "epochs 1 to 4: each 50 samples once (steps 1 to 20)",
                "exact: every sample of 4 completed epochs counted once",
            ])
        #expect(report.value["isExact"]?.bool == true && report.value["findingCount"]?.int == 0)
        #expect(report.value["epochs"]?.array?.count == 1 && report.value["completedEpochs"]?.int == 4)
    }

    @Test func aRunInItsMidst() throws {
        var run = try AuditedRun()
        run.journal.removeLast()
        run.lines.removeLast(7)
        // The coordinator writes just now, or died while it did.
        var (result, report) = try run.audit(#"{"step":14,"epoch":3,"lo"#)
        #expect(result.isExact && result.completedEpochs == 2 && result.lastStep == 13)
        #expect(report.lines[4] == "epoch 3: 36 samples once (steps 11 to 13), so far")
        #expect(report.lines.last == "exact: every sample of 2 completed epochs counted once")
        run.lines.removeLast(4)
        (result, report) = try run.audit()
        #expect(result.isExact && result.completedEpochs == 1)
        // A coordinator that has gone back to a snapshot has cut off what it will do again.
        run.journal = [
            run.journal[0], run.journal[2],
            .snapshot(step: 18, hash: StateHash(high: 0, low: 0), digest: DigestBuilder.digest(of: [])),
        ]
        run.lines.removeLast(5)
        #expect(try !run.audit().result.isExact)
        run.journal.append(.incarnation(2))
        #expect(try run.audit().result.isExact)
    }

    @Test func damagedReportsAreNamed() throws {
        func findings(_ change: (inout AuditedRun) throws -> Void) throws -> [String] {
            var run = try AuditedRun()
            try change(&run)
            let (result, report) = try run.audit()
            #expect(!result.isExact && report.value["isExact"]?.bool == false)
            #expect(report.value["findings"]?.array?.count == result.findings.count)
            #expect(result.findings.allSatisfy { report.lines.contains($0.description) })
            return result.findings.map(\.description)
        }
        var found = try findings { run in
            let hashes = run.lines[6]["sampleHashes"]?.array ?? []
            run.change(7, "sampleHashes", .array([hashes[0], hashes[2], hashes[1]]))
        }
        #expect(found.count == 2)
        #expect(found[0].hasPrefix("step 7 of epoch 2: w1 used other samples than lanes 2 to 3 of generation 3 hold"))
        #expect(found[1].hasPrefix("step 7 of epoch 2: w2 used other samples than lanes 4 to 5 of generation 3 hold"))
        found = try findings { $0.change(12, "epochSampleSum", "0000000000000000") }
        #expect(found.count == 1 && found[0].hasPrefix("steps 12 to 13 of epoch 3: the running sum"))
        found = try findings { $0.lines.remove(at: 2) }
        #expect(
            found == [
                "step 3 of epoch 1: no report, though the running sum of the epoch accounts for the samples"
            ])
        found = try findings { $0.lines.removeLast() }
        #expect(found == ["step 20 of epoch 4: no report"])
        found = try findings { $0.lines.insert($0.lines[8], at: 9) }
        #expect(found == ["step 9 of epoch 2: is reported twice"])
        found = try findings { $0.change(5, "generation", 2) }
        #expect(found == ["step 5 of epoch 1: 3 hashes are reported, but generation 2 has 2 members"])
        found = try findings { $0.change(5, "generation", 5) }
        #expect(found == ["step 5 of epoch 1: the journal knows no generation 5"])
        for (key, value) in [
            ("sampleHashes", "none"), ("sampleHashes", ["12"]), ("epochSampleSum", 5), ("generation", -1),
            ("step", "5"),
            ("generation", nil), ("epochSampleSum", nil), ("epoch", nil),
        ] as [(String, JSONValue?)] {
            found = try findings { $0.change(5, key, value) }
            #expect(found.first == "line 5 of metrics.jsonl is damaged" && found.count == 2, "\(key): \(found)")
        }
        found = try findings { run in
            for step in 1...7 { run.change(step, "sampleHashes", nil) }
        }
        #expect(found.last?.contains("lines 1 to 7 of metrics.jsonl") ?? false, "\(found)")
    }

    @Test func aDamagedJournalIsNoProof() throws {
        var run = try AuditedRun()
        run.journal.remove(at: 4)
        #expect(try run.audit().result.findings.map(\.kind) == [.generation, .generation])
        run = try AuditedRun()
        run.description["seed"] = "5"
        #expect(try run.audit().result.epochs.allSatisfy { $0.once == 0 })
        run.description["samples"] = 0
        #expect(throws: CommandError.self) { try run.audit() }
        run.description["samples"] = nil
        let error = #expect(throws: CommandError.self) { try run.audit() }
        #expect(error?.exitCode == .usage && error?.message.contains("earlier version") ?? false)
    }

    /// Halves of a word are numbers of the state; whatever comes back is the same word, or nothing.
    @Test func theSumIsAPartOfTheState() throws {
        for sum in [0, 1, .max, 1 << 53 + 1, 0x0123_4567_89AB_CDEF] as [UInt64] {
            let numbers = StateNumbers(watch: [1, 2], epochSums: [3, 4, 5], epochSampleSum: sum)
            #expect(numbers.count == numbers.all.count)
            let halves = numbers.all.suffix(2)
            #expect(halves.allSatisfy { UInt32(exactly: $0) != nil })
            #expect(StateNumbers.numbers(numbers.bytes) == numbers.all)
        }
    }
}
