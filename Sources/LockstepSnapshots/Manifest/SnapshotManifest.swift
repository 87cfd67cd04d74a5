package import LockstepCore
package import LockstepFormats

/// What `manifest.json` says (`docs/snapshots.md`).
package struct SnapshotManifest: Sendable, Equatable {
    package let origin: SnapshotOrigin
    package let position: TrainingPosition
    package let stateHash: StateHash
    /// Over parameters and buffers.
    package let digest: Digest
    /// Over everything that the next step depends on.
    package let stateDigest: Digest
    /// Whether no element of the state is infinite or not a number.
    package let isFinite: Bool
    package let best: BestMark?
    package let preprocessing: JSONValue?
    /// Sums over the steps of the current epoch.
    package let epochSums: [Double]
    /// The hashes of all samples of the current epoch so far, added modulo 2⁶⁴; nil where an older version wrote it.
    package let epochSampleSum: UInt64?
    /// `parameters.safetensors`, then `optimizer.safetensors`.
    package let files: [File]
    /// In the order in which the state digest takes them.
    package let tensors: [Tensor]

    package var step: Int { position.step }

    /// Bytes of all files that the manifest lists.
    package var byteCount: Int { files.reduce(0) { $0 + $1.size } }

    package struct File: Sendable, Equatable {
        package let name: String
        package let size: Int
        package let digest: Digest
        /// Digests of the file's pieces of `chunkBytes`, the last one shorter: they say where damage lies.
        package let chunks: [Digest]
    }

    package struct Tensor: Sendable, Equatable {
        package let name: String
        /// The file's name.
        package let file: String
        package let type: TensorType
        package let shape: [Int]
        /// Where the tensor's bytes lie in the file.
        package let range: Range<Int>
        package let digest: Digest
    }

    package static let name = "manifest.json"
    package static let sumsName = "SHA256SUMS"
    package static let parametersFile = "parameters.safetensors"
    package static let optimizerFile = "optimizer.safetensors"

    /// The manifest's name until all of it is on the disk.
    static let unfinishedName = "manifest.json.partial"
    static let format = "lockstep-snapshot-1"
    static let chunkBytes = 4 << 20
    static let maximumBytes = 16 << 20
    static let maximumHeaderBytes = 16 << 20
    static let maximumNameBytes = 512
    static let maximumRank = 8

    /// The range of a chunk in a file.
    static func chunkRange(_ index: Int, fileSize: Int) -> Range<Int> {
        index * chunkBytes..<min(fileSize, (index + 1) * chunkBytes)
    }

    /// What `SHA256SUMS` holds, in the form of `sha256sum`.
    ///
    /// - Parameter text: the bytes of `manifest.json`.
    func sums(text: [UInt8]) -> [UInt8] {
        let lines = files.map { ($0.digest, $0.name) } + [(DigestBuilder.digest(of: text), SnapshotManifest.name)]
        return Array(lines.map { "\($0.0)  \($0.1)\n" }.joined().utf8)
    }
}
