/// Where the bytes of a snapshot's files come from while they are verified.
protocol SnapshotSource {
    func size(of file: String) throws(FileFault) -> Int

    /// Gives `range` of a file to `body` piece by piece, in order; less where the file is shorter.
    func read(_ file: String, _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(FileFault) -> Void)
        throws(FileFault)
}

/// Files that were read into memory.
struct LoadedFiles: SnapshotSource {
    let contents: [(name: String, bytes: [UInt8])]

    subscript(file: String) -> [UInt8]? { contents.first { $0.name == file }?.bytes }

    func size(of file: String) -> Int { self[file]?.count ?? 0 }

    func read(_ file: String, _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(FileFault) -> Void)
        throws(FileFault)
    {
        try self[file]?.withUnsafe(range, body)
    }
}

/// Files on the disk, of which a piece at a time is in memory.
struct StoredFiles: SnapshotSource {
    let directory: String
    let files: any FileLayer

    func size(of file: String) throws(FileFault) -> Int {
        try files.reading(directory + "/" + file) { (_, size) throws(FileFault) in size }
    }

    func read(_ file: String, _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(FileFault) -> Void)
        throws(FileFault)
    {
        let path = directory + "/" + file
        try files.reading(path) { (handle, _) throws(FileFault) in
            var offset = range.lowerBound
            while offset < range.upperBound {
                let count = min(StoredFiles.pieceBytes, range.upperBound - offset)
                let piece = try files.contents(handle, at: offset, count: count, path)
                guard !piece.isEmpty else { return }
                try piece.withUnsafe(0..<piece.count, body)
                offset += piece.count
            }
        }
    }

    private static let pieceBytes = 1 << 20
}

extension [UInt8] {
    /// Gives the bytes of `range`, as far as there are any, to `body`.
    fileprivate func withUnsafe(
        _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(FileFault) -> Void
    ) throws(FileFault) {
        let result = withUnsafeBytes { bytes in
            Result { () throws(FileFault) in
                try body(UnsafeRawBufferPointer(rebasing: bytes[range.clamped(to: 0..<bytes.count)]))
            }
        }
        try result.get()
    }
}
