internal import LockstepCore
internal import LockstepFormats
internal import LockstepSnapshots

/// Snapshots as text and JSON.
enum SnapshotText {
    /// The snapshot of a step, or the newest one.
    static func listing(_ store: SnapshotStore, at step: Int?) throws(CommandError) -> SnapshotListing {
        let listings = try store.list()
        guard let found = step.map({ step in listings.first { $0.step == step } }) ?? listings.last else {
            let known = listings.map { String($0.step) }.joined(separator: ", ")
            throw .usage(
                step.map { "no snapshot of step \($0); there \(listings.isEmpty ? "are none" : "is step \(known)")" }
                    ?? "the run has no snapshots")
        }
        return found
    }

    static func table(_ listings: [SnapshotListing]) -> [String] {
        var rows = [["step", "epoch", "bytes", "best", "digest", ""]]
        for listing in listings {
            switch listing.manifest {
            case .success(let manifest):
                let best = manifest.best.map { "\($0.metric.escapedForDisplay(limit: 20)) \($0.value)" } ?? ""
                rows.append([
                    String(listing.step), String(manifest.position.epoch), String(manifest.byteCount), best,
                    String(manifest.digest.description.prefix(16)), manifest.isFinite ? "" : "not finite",
                ])
            case .failure(let damage):
                rows.append([String(listing.step), "", "", "", "", "damaged: \(damage)"])
            }
        }
        return TextTable.lines(rows, leading: rows[0].count)
    }

    static func lines(_ manifest: SnapshotManifest, path: String) -> [String] {
        let origin = manifest.origin
        var lines = [
            "snapshot      \(path.escapedForDisplay(limit: 1000))",
            "job           \(origin.job.escapedForDisplay()) (digest \(origin.jobDigest))",
            "run           \(origin.run.escapedForDisplay()), Lockstep \(origin.version.escapedForDisplay()), arithmetic \(origin.arithmetic)",
            "step          \(manifest.step), epoch \(manifest.position.epoch), \(manifest.position.samplesDone) samples of it done",
            "digest        \(manifest.digest)",
            "state digest  \(manifest.stateDigest)",
            "finite        \(manifest.isFinite ? "yes" : "no")",
        ]
        if let best = manifest.best {
            lines.append("best          \(best.metric.escapedForDisplay(limit: 40)) \(best.value)")
        }
        for file in manifest.files { lines.append("file          \(file.name)  \(file.size) bytes  \(file.digest)") }
        for tensor in manifest.tensors {
            let shape = tensor.shape.map(String.init).joined(separator: " × ")
            lines.append(
                "tensor        \(tensor.name.escapedForDisplay(limit: 200))  \(tensor.type.rawValue) [\(shape)]  \(tensor.file)"
            )
        }
        return lines
    }

    static func value(_ listing: SnapshotListing) -> JSONValue {
        var object = JSONObject([("step", .number(listing.step)), ("path", .string(listing.path))])
        switch listing.manifest {
        case .success(let manifest):
            object["epoch"] = .number(manifest.position.epoch)
            object["samplesDone"] = .number(manifest.position.samplesDone)
            object["digest"] = .string(manifest.digest.description)
            object["stateDigest"] = .string(manifest.stateDigest.description)
            object["jobDigest"] = .string(manifest.origin.jobDigest.description)
            object["finite"] = .bool(manifest.isFinite)
            object["best"] =
                manifest.best.map { ["metric": .string($0.metric), "value": .number($0.value)] } ?? .null
            object["bytes"] = .number(manifest.byteCount)
            object["tensors"] = .array(
                manifest.tensors.map {
                    [
                        "name": .string($0.name), "file": .string($0.file), "dtype": .string($0.type.rawValue),
                        "shape": .array($0.shape.map { .number($0) }), "sha256": .string($0.digest.description),
                    ]
                })
        case .failure(let damage): object["damage"] = .string(damage.description)
        }
        return .object(object)
    }
}
