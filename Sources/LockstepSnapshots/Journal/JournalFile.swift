package import LockstepCore
internal import Synchronization

/// An append-only file of records (`docs/snapshots.md`, "The journal"). A record that `append` returned for survives a
/// loss of power. What a crash left half-written at the end is cut when the journal is opened; any other damage is an
/// error, for a decision that was lost unseen could be taken twice.
package final class JournalFile: Sendable {
    /// The records found when the journal was opened, oldest first.
    package let records: [[UInt8]]
    /// Bytes of a half-written record that were cut from the end when the journal was opened.
    package let cutBytes: Int

    private let path: String
    private let files: any FileLayer
    private let handle: Int32
    private let state: Mutex<State>

    private struct State {
        var end: Int
        var chain: Digest
        /// Whether a write or a synchronization failed. What is on the disk is unknown from then on.
        var isBroken = false
    }

    /// Opens a journal for appending, and creates it where it does not exist. For the holder of the run's lock only.
    ///
    /// - Throws: `verification` where it is damaged, `failed` where the system refuses.
    package init(opening path: String, files: any FileLayer = SystemFiles()) throws(CommandError) {
        self.path = path
        self.files = files
        var opened: Int32?
        do {
            let handle = try JournalFile.open(path, files)
            opened = handle
            let scan = try JournalScan(reading: handle, path, files)
            records = scan.records
            cutBytes = scan.tornBytes
            if scan.tornBytes > 0 || scan.isNew {
                try files.truncate(handle, to: scan.end)
                if scan.isNew { try files.writeAll(JournalScan.preamble, to: handle, at: 0, path) }
                try files.synchronize(handle)
                try files.synchronizeDirectory(files.parent(of: path))
            }
            self.handle = handle
            let end = scan.isNew ? JournalScan.preamble.count : scan.end
            state = Mutex(State(end: end, chain: scan.chain))
        } catch let error as CommandError {
            if let opened { files.close(opened) }
            throw error
        } catch let fault as FileFault {
            if let opened { files.close(opened) }
            throw FileFault(code: fault.code, path: path).commandError
        } catch {
            throw .failed("\(error)")
        }
    }

    deinit { files.close(handle) }

    /// The records of a journal that another process may be writing: nothing is cut, a half-written end is not seen.
    ///
    /// - Throws: `verification` where it is damaged, `failed` where it cannot be read.
    package static func read(
        _ path: String, files: any FileLayer = SystemFiles()
    ) throws(CommandError) -> [[UInt8]] {
        do {
            return try files.reading(path) { (handle, _) throws(FileFault) in
                Result { () throws(CommandError) in try JournalScan(reading: handle, path, files).records }
            }.get()
        } catch let error as CommandError {
            throw error
        } catch let fault as FileFault {
            throw fault.commandError
        } catch {
            throw .failed("\(error)")
        }
    }

    /// Appends a record; it is durable when this returns. After a failure every further record is refused: what the
    /// file holds is then only known after it is opened again.
    ///
    /// - Parameter record: at most 16 MiB.
    package func append(_ record: [UInt8]) throws(CommandError) {
        let result = state.withLock { state in
            Result { () throws(CommandError) in try append(record, &state) }
        }
        try result.get()
    }

    private func append(_ record: [UInt8], _ state: inout State) throws(CommandError) {
        guard !state.isBroken else {
            throw .failed("“\(path.escapedForDisplay())” takes no more records after it could not be written")
        }
        guard record.count <= JournalScan.maximumRecordBytes else {
            throw .failed("a record of \(record.count) bytes is too long for “\(path.escapedForDisplay())”")
        }
        let (bytes, chain) = JournalScan.encode(record, after: state.chain)
        do throws(FileFault) {
            try files.writeAll(bytes, to: handle, at: state.end, path)
            try files.synchronize(handle)
        } catch {
            state.isBroken = true
            throw FileFault(code: error.code, path: path).commandError
        }
        state.end += bytes.count
        state.chain = chain
    }

    private static func open(_ path: String, _ files: any FileLayer) throws(FileFault) -> Int32 {
        do {
            return try files.openForUpdating(path)
        } catch {
            guard error.isMissing else { throw error }
        }
        files.close(try files.createFile(path))
        return try files.openForUpdating(path)
    }
}
