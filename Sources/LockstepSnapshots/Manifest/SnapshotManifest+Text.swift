internal import LockstepCore
internal import LockstepFormats

extension SnapshotManifest {
    /// The bytes of `manifest.json`: one line of JSON whose last member is `manifestDigest`, the SHA-256 of the same
    /// line without that member.
    var text: [UInt8] {
        let body = json.bytes
        return body.dropLast() + SnapshotManifest.seal(DigestBuilder.digest(of: body))
    }

    /// How the text ends.
    static func seal(_ digest: Digest) -> [UInt8] { Array(",\"manifestDigest\":\"\(digest)\"}\n".utf8) }

    /// The 16 hexadecimal digits of a number's bits.
    static func bits(of number: Double) -> String {
        hexadecimalText((0..<8).reversed().map { UInt8(truncatingIfNeeded: number.bitPattern >> (8 * $0)) })
    }

    private var json: JSONValue {
        var object: JSONObject = [
            "format": .string(SnapshotManifest.format), "version": .string(origin.version),
            "arithmetic": .number(origin.arithmetic), "run": .string(origin.run), "job": .string(origin.job),
            "jobDigest": .string(origin.jobDigest.description), "planDigest": .string(origin.planDigest.description),
            // Beyond 2⁵³ a JSON number is not safe with every reader.
            "seed": .string(String(origin.seed)),
            "step": .number(position.step), "epoch": .number(position.epoch),
            "samplesDone": .number(position.samplesDone),
            "stateHash": .string(stateHash.description), "digest": .string(digest.description),
            "stateDigest": .string(stateDigest.description), "finite": .bool(isFinite),
            "best": best.map { ["metric": .string($0.metric), "value": .number($0.value)] } ?? .null,
            "preprocessing": preprocessing ?? .null,
            // As bit patterns: exact, and without a word for infinity.
            "epochSums": .array(epochSums.map { .string(SnapshotManifest.bits(of: $0)) }),
            "files": .array(files.map(\.json)), "tensors": .array(tensors.map(\.json)),
        ]
        object["epochSampleSum"] = epochSampleSum.map { .string($0.sixteenDigits) }
        return .object(object)
    }
}

extension SnapshotManifest.File {
    fileprivate var json: JSONValue {
        let pieces = chunks.enumerated().map { index, digest -> JSONValue in
            let range = SnapshotManifest.chunkRange(index, fileSize: size)
            return [
                "offset": .number(range.lowerBound), "length": .number(range.count),
                "sha256": .string(digest.description),
            ]
        }
        return [
            "name": .string(name), "size": .number(size), "sha256": .string(digest.description),
            "chunks": .array(pieces),
        ]
    }
}

extension SnapshotManifest.Tensor {
    fileprivate var json: JSONValue {
        [
            "name": .string(name), "file": .string(file), "dtype": .string(type.rawValue),
            "shape": .array(shape.map { .number($0) }), "offset": .number(range.lowerBound),
            "length": .number(range.count), "sha256": .string(digest.description),
        ]
    }
}
