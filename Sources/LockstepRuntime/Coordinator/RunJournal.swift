internal import LockstepCluster
internal import LockstepCore
internal import LockstepSnapshots

/// The journal of a run: what its coordinators decided, on disk before anyone is told.
struct RunJournal: Sendable {
    /// What stood in it when it was opened.
    let history: JournalHistory
    /// The same without its rosters, for a run whose workers are all gone.
    let pastHistory: JournalHistory
    private let file: JournalFile

    init(_ directory: RunDirectory) throws(CommandError) {
        file = try JournalFile(opening: directory.journal)
        let records = try RunJournal.records(file.records, path: directory.journal)
        history = JournalRecord.replay(records)
        pastHistory = JournalRecord.replay(
            records.map { record in
                if case .roster(let roster) = record { .generation(roster.generation) } else { record }
            })
    }

    /// What stands in the journal of a run that another process may be writing.
    static func history(of directory: RunDirectory) throws(CommandError) -> JournalHistory {
        JournalRecord.replay(try records(of: directory))
    }

    /// The same, record by record.
    static func records(of directory: RunDirectory) throws(CommandError) -> [JournalRecord] {
        try records(try JournalFile.read(directory.journal), path: directory.journal)
    }

    /// Returns when the record will survive.
    func append(_ record: JournalRecord) throws(CommandError) {
        guard let bytes = try? ControlMessageCoding.encode(record) else {
            throw .failed("a record of the journal cannot be encoded")
        }
        try file.append(bytes)
    }

    private static func records(_ records: [[UInt8]], path: String) throws(CommandError) -> [JournalRecord] {
        var decoded: [JournalRecord] = []
        for (index, record) in records.enumerated() {
            guard let value = try? ControlMessageCoding.decodeRecord(record) else {
                throw CommandError(
                    .verification,
                    "\(path.escapedForDisplay()): record \(index + 1) is not one that this version writes; use the version that wrote it"
                )
            }
            decoded.append(value)
        }
        return decoded
    }
}
