internal import LockstepCore

/// Computes the digests of a file and of its chunks while its bytes go by.
struct FileDigester {
    private(set) var size = 0
    private(set) var chunks: [Digest] = []
    private var file = DigestBuilder()
    private var chunk = DigestBuilder()

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        file.update(bytes)
        var done = 0
        while done < bytes.count {
            let room = SnapshotManifest.chunkBytes - size % SnapshotManifest.chunkBytes
            let count = min(room, bytes.count - done)
            chunk.update(UnsafeRawBufferPointer(rebasing: bytes[done..<done + count]))
            done += count
            size += count
            if count == room { endChunk() }
        }
    }

    /// The entry of the manifest, once the whole file went by.
    mutating func finish(name: String) -> SnapshotManifest.File {
        if !size.isMultiple(of: SnapshotManifest.chunkBytes) { endChunk() }
        return SnapshotManifest.File(name: name, size: size, digest: file.finalize(), chunks: chunks)
    }

    private mutating func endChunk() {
        chunks.append(chunk.finalize())
        chunk = DigestBuilder()
    }
}
