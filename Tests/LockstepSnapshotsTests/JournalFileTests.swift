import Glibc
import LockstepCore
import LockstepSnapshots
import LockstepTestSupport
import Testing

@Suite struct JournalFileTests {
    private static let path = "/run/journal"
    private static let records: [[UInt8]] = {
        var generator = SeededGenerator(seed: 5)
        return [0, 1, 24, 25, 700, 3].map { count in generator.bytes(count).map { $0 | 1 } }
    }()

    private static func written(_ files: SimulatedFiles) throws -> [UInt8] {
        let journal = try JournalFile(opening: path, files: files)
        #expect(journal.records.isEmpty && journal.cutBytes == 0)
        for record in records { try journal.append(record) }
        return try #require(files.bytes(of: path))
    }

    @Test func recordsComeBack() throws {
        let files = try SmallState.files()
        let bytes = try Self.written(files)
        #expect(bytes.count == 64 + [64, 64, 64, 128, 768, 64].reduce(0, +))
        #expect(try JournalFile.read(Self.path, files: files) == Self.records)
        do {
            let journal = try JournalFile(opening: Self.path, files: files)
            #expect(journal.records == Self.records && journal.cutBytes == 0)
            try journal.append([9])
        }
        #expect(try JournalFile.read(Self.path, files: files) == Self.records + [[9]])
        #expect(files.openHandles == 0)
    }

    /// Cut anywhere, the whole records before the cut are found, and the journal goes on from there.
    @Test func everyTornTailIsCut() throws {
        let files = try SmallState.files()
        let bytes = try Self.written(files)
        let ends = [128, 192, 256, 384, 1152, 1216]
        for length in 0..<bytes.count {
            files.change(Self.path) { _ in Array(bytes.prefix(length)) }
            let whole = Array(Self.records.prefix(ends.filter { $0 <= length }.count))
            #expect(try JournalFile.read(Self.path, files: files) == whole)
            let journal = try JournalFile(opening: Self.path, files: files)
            #expect(journal.records == whole)
            #expect(journal.cutBytes == (length < 64 ? length : length - (ends.last { $0 <= length } ?? 64)))
            try journal.append([7])
            #expect(try JournalFile.read(Self.path, files: files) == whole + [[7]])
        }
    }

    /// Nothing that once was whole may turn into something shorter.
    @Test func everyFlippedBitIsFound() throws {
        let files = try SmallState.files()
        let bytes = try Self.written(files)
        for offset in bytes.indices {
            for bit in 0..<8 {
                files.change(Self.path) { _ in
                    var changed = bytes
                    changed[offset] ^= UInt8(1) << UInt8(bit)
                    return changed
                }
                let error = #expect(throws: CommandError.self, "byte \(offset), bit \(bit)") {
                    try JournalFile.read(Self.path, files: files)
                }
                #expect(error?.exitCode == .verification && error?.message.contains("at byte ") == true)
                #expect(throws: CommandError.self) { try JournalFile(opening: Self.path, files: files) }
            }
        }
        #expect(files.openHandles == 0)
    }

    @Test func lostAndMovedRecordsAreFound() throws {
        let files = try SmallState.files()
        let bytes = try Self.written(files)
        func mixture(_ ranges: Range<Int>...) -> [UInt8] { ranges.flatMap { bytes[$0] } }
        let end = bytes.count
        let mixtures = [
            mixture(0..<128, 192..<end),
            mixture(0..<128, 192..<256, 128..<192, 256..<end),
            mixture(0..<128, 64..<end),
            mixture(0..<128) + Array(repeating: 0, count: 64) + mixture(192..<end),
            Array("something else entirely, which is longer than a journal's preamble".utf8),
        ]
        for mixture in mixtures {
            files.change(Self.path) { _ in mixture }
            #expect(throws: CommandError.self) { try JournalFile(opening: Self.path, files: files) }
            #expect(files.bytes(of: Self.path) == mixture)
        }
    }

    /// - Returns: what is wrong after a crash at some call.
    private static func crashes(lie: SimulatedFiles.Lie?, seeds: Int) throws -> String? {
        let whole = try SmallState.files(lie: lie)
        _ = try written(whole)
        for call in 0...whole.calls {
            let files = try SmallState.files(lie: lie)
            files.crash(afterCalls: call)
            var isOpen = false
            var promised = 0
            do {
                let journal = try JournalFile(opening: path, files: files)
                isOpen = true
                for record in records {
                    try journal.append(record)
                    promised += 1
                }
            } catch {
                #expect("\(error)".contains(SimulatedFiles.crashed.reason))
            }
            for persistence in SimulatedFiles.Persistence.allCases {
                for seed in 0..<seeds {
                    let survivor = files.afterCrash(persistence, seed: UInt64(call * 1000 + seed))
                    let place = "after call \(call), \(persistence), \(seed): "
                    do {
                        if isOpen, survivor.bytes(of: path) == nil { return place + "the journal is gone" }
                        let journal = try JournalFile(opening: path, files: survivor)
                        let found = journal.records.count
                        guard journal.records == Array(records.prefix(found)),
                            found == promised || found == promised + 1
                        else { return place + "\(found) records of \(promised)" }
                        try journal.append([1])
                        guard try JournalFile.read(path, files: survivor).count == found + 1 else {
                            return place + "cannot go on"
                        }
                    } catch {
                        return place + "\(error)"
                    }
                }
            }
        }
        return nil
    }

    @Test func promisedRecordsSurvive() throws {
        #expect(try Self.crashes(lie: nil, seeds: TestAmount.isLong ? 1000 : 8) == nil)
    }

    /// Canary.
    @Test(arguments: SimulatedFiles.Lie.allCases) func aLyingDiskIsNoticed(_ lie: SimulatedFiles.Lie) throws {
        #expect(try Self.crashes(lie: lie, seeds: 8) != nil)
    }

    @Test func everyFailedCallIsSaid() throws {
        let whole = try SmallState.files()
        _ = try Self.written(whole)
        for number in 0..<whole.calls {
            for fault in [ENOSPC, EIO, EINTR, EDQUOT].map(SimulatedFiles.Fault.error) + [.short] {
                let files = try SmallState.files()
                files.fail(fault, atCall: number)
                var promised = 0
                do {
                    let journal = try JournalFile(opening: Self.path, files: files)
                    for record in Self.records {
                        do {
                            try journal.append(record)
                            promised += 1
                        } catch {
                            #expect(throws: CommandError.self) { try journal.append(record) }
                            throw error
                        }
                    }
                    #expect(promised == Self.records.count)
                } catch {
                    #expect(error is CommandError && fault != .short)
                }
                let call = files.log[number]
                if fault == .error(EINTR), ["write", "read ", "fstat"].contains(where: call.hasPrefix) {
                    #expect(promised == Self.records.count)
                }
                #expect(files.openHandles == 0)
                let found = try JournalFile(opening: Self.path, files: files).records
                #expect(found == Array(Self.records.prefix(found.count)))
                #expect(found.count == promised || found.count == promised + 1)
            }
        }
    }

    @Test func recordsHaveALimit() throws {
        let journal = try JournalFile(opening: Self.path, files: try SmallState.files())
        #expect(throws: CommandError.self) { try journal.append([UInt8](repeating: 1, count: 16 << 20 + 1)) }
        try journal.append([1])
    }
}
