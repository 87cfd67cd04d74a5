public import LockstepCore
internal import LockstepFormats

/// The contents of a file of data, or of a directory of such files.
public struct DataFile: Sendable {
    /// What messages call it; an entry's is its path relative to the directory.
    public let name: String
    /// A file's contents.
    public let bytes: [UInt8]
    /// A directory's files, however deep, by the UTF-8 bytes of their names.
    public let entries: [DataFile]
    public let isDirectory: Bool

    /// What decompresses to more is refused.
    static let maximumBytes = 8 << 30

    /// A file.
    public init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
        entries = []
        isDirectory = false
    }

    /// A directory.
    ///
    /// - Parameter entries: files in any order, no two with the same name.
    public init(name: String, entries: [DataFile]) {
        self.name = name
        bytes = []
        self.entries = entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        isDirectory = true
    }

    /// A digest of the contents, uncompressed where they are gzip; names count inside a directory, its own does not.
    ///
    /// - Throws: a usage error where a file is damaged gzip.
    public func digest() throws(CommandError) -> Digest {
        guard isDirectory else { return DigestBuilder.digest(of: try contents()) }
        var digest = DigestBuilder()
        digest.update("directory")
        digest.update(UInt64(entries.count))
        for entry in entries {
            digest.update(entry.name)
            digest.update(try entry.digest().bytes)
        }
        return digest.finalize()
    }

    /// A file's bytes, uncompressed where they are gzip.
    func contents() throws(CommandError) -> [UInt8] {
        guard Inflate.isGzip(bytes) else { return bytes }
        do {
            return try Inflate.gunzip(bytes, maximumBytes: DataFile.maximumBytes)
        } catch {
            throw refusal("\(error)")
        }
    }

    /// An error that names the file.
    func refusal(_ message: String) -> CommandError { .usage("“\(name.escapedForDisplay())”: \(message)") }

    /// An entry's file by the name that messages use.
    func named(in directory: String) -> DataFile {
        DataFile(name: directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)", bytes: bytes)
    }
}
