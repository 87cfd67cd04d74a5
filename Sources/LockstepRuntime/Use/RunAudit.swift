internal import LockstepCore
internal import LockstepData
internal import LockstepFormats
internal import LockstepInspection

/// Audits the samples of a run: what its directory says of them, by `run.json`, journal and `metrics.jsonl`. The run may be
/// going on meanwhile.
struct RunAudit {
    let run: String
    let result: SampleAuditResult

    /// - Throws: `CommandError`: the directory does not hold what an audit needs.
    init(_ directory: RunDirectory) throws(CommandError) {
        let description = try RunDescription(directory)
        run = description.run
        guard let count = description.value["samples"]?.int, let isShuffled = description.value["isShuffled"]?.bool,
            let batchSize = description.value["batchSize"]?.int, let laneCount = description.value["lanes"]?.int,
            let steps = description.value["steps"]?.int,
            let seed = description.value["seed"]?.string.flatMap({ UInt64($0) })
        else {
            throw .usage(
                "\(directory.run.escapedForDisplay(limit: 1000)): it does not say how samples were ordered; an earlier version began this run, whose reports cannot be audited"
            )
        }
        guard (1...Int(Int32.max)).contains(count), (1...1 << 20).contains(batchSize), (1...4096).contains(laneCount),
            (0...Int(UInt32.max)).contains(steps)
        else {
            throw CommandError(
                .verification,
                "\(directory.run.escapedForDisplay(limit: 1000)): samples, batchSize, lanes or steps are no numbers that a job can have; put back a copy"
            )
        }
        let order = SampleOrder(count: count, batchSize: batchSize, seed: seed, isShuffled: isShuffled)
        let begun = AuditedJournal(try RunJournal.records(of: directory))
        // Generations may begin while lines are read.
        var newest: AuditedJournal?
        var audit = SampleAudit(order: order, laneCount: laneCount, lastStep: steps) { generation in
            if let members = begun.members(of: generation) { return members }
            if newest == nil { newest = (try? RunJournal.records(of: directory)).map { AuditedJournal($0) } }
            return newest?.members(of: generation)
        }
        try RunAudit.read(directory.metrics, into: &audit)
        result = audit.finish(knownStep: begun.knownStep)
    }

    /// A last line that is not whole is still being written, or was when the coordinator died.
    private static func read(_ path: String, into audit: inout SampleAudit) throws(CommandError) {
        var number = 0
        var old: (first: Int, last: Int)?
        let skipped = try LineFile.read(path) { line, isWhole in
            number += 1
            guard let value = try? JSONValue(parsing: line), value["step"]?.int != nil else {
                if isWhole { audit.takeDamage("line \(number) of metrics.jsonl is damaged") }
                return
            }
            guard value["sampleHashes"] != nil else {
                old = (old?.first ?? number, number)
                return
            }
            if let report = SampleAudit.Report(value) {
                audit.take(report)
            } else {
                audit.takeDamage("line \(number) of metrics.jsonl is damaged")
            }
        }
        if let old {
            audit.takeDamage(
                "lines \(old.first) to \(old.last) of metrics.jsonl: some have no hashes of samples; an earlier version wrote them"
            )
        }
        if skipped > 0 { audit.takeDamage("metrics.jsonl has \(skipped) lines that are too long") }
    }
}

extension SampleAudit.Report {
    /// A line of `metrics.jsonl`; nil where it is damaged.
    init?(_ line: JSONValue) {
        guard let object = line.object, let step = object["step"]?.int, let epoch = object["epoch"]?.int,
            let generation = object["generation"]?.int.flatMap({ UInt32(exactly: $0) }),
            let texts = object["sampleHashes"]?.array,
            let sum = object["epochSampleSum"]?.string.flatMap({ UInt64(sixteenDigits: $0) })
        else { return nil }
        let hashes = texts.compactMap { $0.string.flatMap { UInt64(sixteenDigits: $0) } }
        guard hashes.count == texts.count else { return nil }
        self.init(step: step, epoch: epoch, generation: generation, sampleHashes: hashes, epochSampleSum: sum)
    }
}
