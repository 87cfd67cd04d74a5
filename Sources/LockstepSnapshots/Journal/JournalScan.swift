internal import LockstepCore

/// The records of a journal's bytes, and where its sound part ends.
///
/// After a preamble of 64 bytes come records, each padded to a multiple of 64 bytes: u32 length, u32 its complement,
/// the bytes, as many 0xFF as needed, and the SHA-256 over the digest before it, the length and the bytes. The preamble
/// ends with the first digest. All numbers are little-endian.
///
/// Records are made durable one by one, so only the last can be torn: the file ends inside it, or blocks of it were
/// never written and read as zeros. Since 64 divides every block size, such a block makes at least 64 bytes zero.
struct JournalScan {
    private(set) var records: [[UInt8]] = []
    /// Where the next record goes.
    private(set) var end = 0
    private(set) var chain = JournalScan.firstDigest
    private(set) var tornBytes = 0
    /// Whether not even the preamble is there whole.
    private(set) var isNew = false

    static let unit = 64
    static let maximumRecordBytes = 16 << 20
    private static let prefixBytes = 8
    private static let digestBytes = 32
    private static let firstDigest = DigestBuilder.digest(of: Array("lockstep journal 1".utf8))
    static let preamble: [UInt8] = {
        let name = Array("lockstep journal 1\n".utf8)
        return name + Array(repeating: 0xFF, count: unit - digestBytes - name.count) + firstDigest.bytes
    }()

    init(reading handle: Int32, _ path: String, _ files: any FileLayer) throws(CommandError) {
        do {
            try scan(handle, path, files)
        } catch let fault as FileFault {
            throw fault.commandError
        } catch let flaw as Flaw {
            throw CommandError(
                .verification,
                "“\(path.escapedForDisplay())” is damaged at byte \(flaw.offset): \(flaw.what); put back a copy of it")
        } catch {
            throw .failed("\(error)")
        }
    }

    /// A record as it stands in the file, and its digest.
    static func encode(_ record: [UInt8], after chain: Digest) -> ([UInt8], Digest) {
        let digest = digest(of: record, after: chain)
        let length = UInt32(truncatingIfNeeded: record.count)
        var bytes = withUnsafeBytes(of: length.littleEndian, Array.init)
        bytes += withUnsafeBytes(of: (~length).littleEndian, Array.init)
        bytes += record
        let padded = paddedCount(record.count)
        bytes += Array(repeating: 0xFF, count: padded - digestBytes - bytes.count)
        return (bytes + digest.bytes, digest)
    }

    private struct Flaw: Error {
        let offset: Int
        let what: String
    }

    private static func paddedCount(_ length: Int) -> Int {
        (prefixBytes + length + digestBytes + unit - 1) / unit * unit
    }

    private static func digest(of record: [UInt8], after chain: Digest) -> Digest {
        var builder = DigestBuilder()
        builder.update(chain.bytes)
        builder.update(UInt32(truncatingIfNeeded: record.count))
        builder.update(record)
        return builder.finalize()
    }

    private mutating func scan(_ handle: Int32, _ path: String, _ files: any FileLayer) throws {
        let size = try files.length(of: handle, path)
        func read(_ offset: Int, _ count: Int) throws -> [UInt8] {
            try files.contents(handle, at: offset, count: min(count, size - offset), path)
        }
        let start = try read(0, JournalScan.unit)
        guard start == JournalScan.preamble else {
            let isTorn = start.count < JournalScan.unit || start.allSatisfy { $0 == 0 }
            guard isTorn, size <= JournalScan.unit else { throw Flaw(offset: 0, what: "this is no journal") }
            isNew = true
            tornBytes = size
            return
        }
        end = JournalScan.unit
        while end < size {
            let prefix = try read(end, JournalScan.prefixBytes)
            guard let length = JournalScan.length(prefix) else {
                try judgeTail(size, read, "a record's length is damaged")
                return
            }
            let padded = JournalScan.paddedCount(length)
            guard length <= JournalScan.maximumRecordBytes else {
                throw Flaw(offset: end, what: "a record claims \(length) bytes")
            }
            guard padded <= size - end else {
                try judgeTail(size, read, nil)
                return
            }
            let bytes = try read(end, padded)
            let record = Array(bytes[JournalScan.prefixBytes..<JournalScan.prefixBytes + length])
            let (expected, digest) = JournalScan.encode(record, after: chain)
            guard bytes == expected else {
                guard end + padded == size else {
                    throw Flaw(offset: end, what: "a record's SHA-256 is wrong, and others follow it")
                }
                try judgeTail(size, read, "a record's SHA-256 is wrong")
                return
            }
            records.append(record)
            chain = digest
            end += padded
        }
    }

    /// Decides whether what stands from `end` on is one record that was never finished, or damage.
    ///
    /// - Parameter flaw: nil where the file ends inside the record.
    private mutating func judgeTail(_ size: Int, _ read: (Int, Int) throws -> [UInt8], _ flaw: String?) throws {
        guard size - end <= JournalScan.paddedCount(JournalScan.maximumRecordBytes) else {
            throw Flaw(offset: end, what: flaw ?? "what follows is longer than a record")
        }
        let tail = try read(end, size - end)
        var isTorn = flaw == nil || !tail.count.isMultiple(of: JournalScan.unit)
        for start in stride(from: 0, to: tail.count, by: JournalScan.unit) {
            let piece = tail[start..<min(start + JournalScan.unit, tail.count)]
            if piece.allSatisfy({ $0 == 0 }) { isTorn = true }
            // Another record follows only on one that was finished.
            if start > 0, JournalScan.length(Array(piece.prefix(JournalScan.prefixBytes))) != nil {
                throw Flaw(offset: end, what: flaw ?? "a record's length is wrong, and others follow it")
            }
        }
        guard isTorn else { throw Flaw(offset: end, what: flaw ?? "a record is damaged") }
        tornBytes = size - end
    }

    /// The length that a record's first bytes say; nil where they are no such bytes.
    private static func length(_ prefix: [UInt8]) -> Int? {
        guard prefix.count == prefixBytes else { return nil }
        let words = [0, 4].map { start in
            (0..<4).reduce(UInt32(0)) { $0 | UInt32(prefix[start + $1]) << UInt32(8 * $1) }
        }
        return words[0] == ~words[1] ? Int(words[0]) : nil
    }
}
