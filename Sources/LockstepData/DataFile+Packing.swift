package import LockstepCore

/// How a file or directory travels as one run of bytes. Numbers are little-endian.
///
/// One byte says which it is. A file's bytes follow it. A directory has the number of its entries (u32), then for each
/// the length of its name (u32), its name, the length of its contents (u64) and its contents.
extension DataFile {
    private static let fileMark: UInt8 = 0
    private static let directoryMark: UInt8 = 1
    private static let maximumNameBytes = 4096

    /// The file or directory without its own name.
    package var packed: [UInt8] {
        guard isDirectory else { return [DataFile.fileMark] + bytes }
        var packed: [UInt8] = [DataFile.directoryMark]
        packed.reserveCapacity(5 + entries.reduce(0) { $0 + 12 + $1.name.utf8.count + $1.bytes.count })
        DataFile.append(UInt32(truncatingIfNeeded: entries.count), to: &packed)
        for entry in entries {
            DataFile.append(UInt32(truncatingIfNeeded: entry.name.utf8.count), to: &packed)
            packed += Array(entry.name.utf8)
            DataFile.append(UInt64(entry.bytes.count), to: &packed)
            packed += entry.bytes
        }
        return packed
    }

    /// Reads what `packed` wrote; the bytes come from another machine.
    ///
    /// - Throws: a failure that names the file, where the bytes are not what `packed` writes.
    package init(unpacking packed: [UInt8], name: String) throws(CommandError) {
        switch packed.first {
        case DataFile.fileMark:
            self.init(name: name, bytes: Array(packed.dropFirst()))
        case DataFile.directoryMark:
            var rest = packed.dropFirst()
            guard let count = DataFile.take(4, from: &rest), count <= UInt64(packed.count / 12) else {
                throw DataFile.damaged(name)
            }
            var entries: [DataFile] = []
            entries.reserveCapacity(Int(count))
            for _ in 0..<count {
                guard let length = DataFile.take(4, from: &rest), length <= UInt64(DataFile.maximumNameBytes),
                    let entry = String(validating: DataFile.takeBytes(length, from: &rest) ?? [0xFF], as: UTF8.self),
                    DataFile.isEntryName(entry),
                    entries.last.map({ $0.name.utf8.lexicographicallyPrecedes(entry.utf8) }) ?? true,
                    let size = DataFile.take(8, from: &rest), let bytes = DataFile.takeBytes(size, from: &rest)
                else { throw DataFile.damaged(name) }
                entries.append(DataFile(name: entry, bytes: Array(bytes)))
            }
            guard rest.isEmpty else { throw DataFile.damaged(name) }
            self.init(name: name, entries: entries)
        default:
            throw DataFile.damaged(name)
        }
    }

    /// Whether `name` is a file's in a directory, or in directories in that: `cat.png`, `cats/1.png`.
    static func isEntryName(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count <= DirectoryLimits.maximumDepth + 1
            && parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") && !$0.utf8.contains(0) }
    }

    private static func damaged(_ name: String) -> CommandError {
        .failed("“\(name.escapedForDisplay())”: it arrived damaged; run the same version on all machines")
    }

    private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    private static func take(_ count: Int, from bytes: inout ArraySlice<UInt8>) -> UInt64? {
        takeBytes(UInt64(count), from: &bytes)?.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func takeBytes(_ count: UInt64, from bytes: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard count <= UInt64(bytes.count) else { return nil }
        defer { bytes = bytes.dropFirst(Int(count)) }
        return bytes.prefix(Int(count))
    }
}
