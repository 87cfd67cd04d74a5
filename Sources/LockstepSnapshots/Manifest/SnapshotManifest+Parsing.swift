internal import LockstepCore
internal import LockstepFormats

extension SnapshotManifest {
    /// Reads `manifest.json`. Its own digest is checked before anything else, and then that all it says fits together.
    init(parsing text: [UInt8]) throws(SnapshotDamage) {
        let sealBytes = SnapshotManifest.seal(DigestBuilder.digest(of: [])).count
        guard text.count <= SnapshotManifest.maximumBytes else { throw ManifestMembers.damage("longer than 16 MiB") }
        guard text.count > sealBytes else { throw ManifestMembers.damage("cut short") }
        let body = text[..<(text.count - sealBytes)] + [UInt8(ascii: "}")]
        guard Array(text.suffix(sealBytes)) == SnapshotManifest.seal(DigestBuilder.digest(of: Array(body))) else {
            throw SnapshotDamage(
                file: SnapshotManifest.name, byteRange: 0..<text.count,
                what: "does not match the SHA-256 at its own end")
        }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: body)
        } catch {
            throw ManifestMembers.damage(error.description)
        }
        try self.init(value)
        try checkConsistency()
    }

    private init(_ value: JSONValue) throws(SnapshotDamage) {
        // The format first: an unknown one may have other keys.
        if let format = value["format"]?.string, format != SnapshotManifest.format {
            throw ManifestMembers.damage(
                "has the unknown format “\(format.escapedForDisplay(limit: 40))”; another version of Lockstep wrote it")
        }
        let members = try ManifestMembers(
            value, "the manifest",
            keys: [
                "format", "version", "arithmetic", "run", "job", "jobDigest", "planDigest", "seed", "step", "epoch",
                "samplesDone", "stateHash", "digest", "stateDigest", "finite", "best", "preprocessing",
                "epochSums", "files", "tensors",
            ], optional: ["epochSampleSum"])
        guard try members.string("format") == SnapshotManifest.format else { throw members.wrong("format", "known") }
        let seedText = try members.string("seed")
        guard let seed = UInt64(seedText), String(seed) == seedText else { throw members.wrong("seed", "a seed") }
        guard let hash = StateHash(hexadecimal: try members.string("stateHash")) else {
            throw members.wrong("stateHash", "a state hash")
        }
        origin = SnapshotOrigin(
            version: try members.string("version"), arithmetic: try members.count("arithmetic"),
            run: try members.string("run"), job: try members.string("job"),
            jobDigest: try members.digest("jobDigest"), planDigest: try members.digest("planDigest"), seed: seed)
        position = TrainingPosition(
            step: try members.count("step"), epoch: try members.count("epoch"),
            samplesDone: try members.count("samplesDone"))
        stateHash = hash
        digest = try members.digest("digest")
        stateDigest = try members.digest("stateDigest")
        isFinite = try members.bool("finite")
        best = members["best"] == .null ? nil : try BestMark(members["best"])
        preprocessing = members["preprocessing"] == .null ? nil : members["preprocessing"]
        epochSums = try members.array("epochSums").map { (number) throws(SnapshotDamage) in
            guard let text = number.string, let bits = UInt64(text, radix: 16),
                SnapshotManifest.bits(of: Double(bitPattern: bits)) == text
            else { throw members.wrong("epochSums", "a list of 16 hexadecimal digits each") }
            return Double(bitPattern: bits)
        }
        if members["epochSampleSum"] == .null {
            epochSampleSum = nil
        } else {
            guard let sum = UInt64(sixteenDigits: try members.string("epochSampleSum")) else {
                throw members.wrong("epochSampleSum", "16 hexadecimal digits")
            }
            epochSampleSum = sum
        }
        files = try members.array("files").map { (file) throws(SnapshotDamage) in try File(file) }
        tensors = try members.array("tensors").map { (tensor) throws(SnapshotDamage) in try Tensor(tensor) }
    }
}

extension BestMark {
    fileprivate init(_ value: JSONValue) throws(SnapshotDamage) {
        let members = try ManifestMembers(value, "“best”", keys: ["metric", "value"])
        guard let number = members["value"].double, number.isFinite else { throw members.wrong("value", "a number") }
        self.init(metric: try members.string("metric"), value: number)
    }
}

extension SnapshotManifest.File {
    fileprivate init(_ value: JSONValue) throws(SnapshotDamage) {
        let members = try ManifestMembers(value, "a file", keys: ["name", "size", "sha256", "chunks"])
        name = try members.string("name")
        size = try members.count("size")
        digest = try members.digest("sha256")
        var chunks: [Digest] = []
        var end = 0
        for chunk in try members.array("chunks") {
            let piece = try ManifestMembers(chunk, "a chunk", keys: ["offset", "length", "sha256"])
            let length = try piece.count("length")
            guard try piece.count("offset") == end, length > 0, end < size,
                length == min(SnapshotManifest.chunkBytes, size - end)
            else { throw ManifestMembers.damage("a chunk does not follow the one before it") }
            chunks.append(try piece.digest("sha256"))
            end += length
        }
        guard end == size else { throw ManifestMembers.damage("the chunks do not cover a file") }
        self.chunks = chunks
    }
}

extension SnapshotManifest.Tensor {
    fileprivate init(_ value: JSONValue) throws(SnapshotDamage) {
        let members = try ManifestMembers(
            value, "a tensor", keys: ["name", "file", "dtype", "shape", "offset", "length", "sha256"])
        guard let type = TensorType(rawValue: try members.string("dtype")) else {
            throw members.wrong("dtype", "a known one")
        }
        name = try members.string("name")
        file = try members.string("file")
        self.type = type
        shape = try members.array("shape").map { (extent) throws(SnapshotDamage) in
            guard let extent = extent.int, extent >= 0 else { throw members.wrong("shape", "a shape") }
            return extent
        }
        let (end, overflow) = try members.count("offset").addingReportingOverflow(try members.count("length"))
        guard !overflow else { throw members.wrong("length", "a length") }
        range = try members.count("offset")..<end
        digest = try members.digest("sha256")
    }
}
