internal import LockstepCore
internal import LockstepData

/// The sources of data that a job file can name.
enum DataTable {
    private static let names = ["glyphs", "idx"]

    /// - Parameter files: gets the files of the source, in its order.
    static func source(
        _ node: JobNode, path: String, from source: JobSource, files: inout [JobFile.DataFile]
    ) throws(JobFileError) -> any DataSource {
        let choice = try JobChoice("source of data", node, path: path, known: names)
        switch choice.word {
        case "glyphs":
            let arguments = try choice.arguments(["count", "part", "seed"])
            return Glyphs(
                count: try arguments.requiredInteger("count", atLeast: 1, atMost: 1 << 30),
                part: try part(arguments), seed: try arguments.unsigned("seed") ?? 1)
        default:
            let arguments = try choice.arguments(["images", "labels"])
            let images = try file("images", arguments, from: source)
            let labels = try file("labels", arguments, from: source)
            files += [images, labels]
            return IDX(images: images.name, labels: labels.name)
        }
    }

    private static func part(_ arguments: JobArguments) throws(JobFileError) -> Glyphs.Part {
        guard let text = try arguments.text("part") else { return .train }
        guard let part = Glyphs.Part(rawValue: text) else {
            throw JobFileError(
                arguments.node("part")?.place ?? arguments.place, arguments.innerPath("part"),
                "unknown part '\(text.escapedForDisplay(limit: 40))'; it is one of "
                    + Glyphs.Part.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return part
    }

    /// Paths in a job file are relative to it, paths in `--set` to the current directory.
    private static func file(
        _ key: String, _ arguments: JobArguments, from source: JobSource
    ) throws(JobFileError) -> JobFile.DataFile {
        let node = try arguments.required(key)
        guard let name = try arguments.text(key) else {
            throw JobFileError(node.place, arguments.innerPath(key), "no file named")
        }
        guard !name.hasPrefix("/") else { return JobFile.DataFile(name: name, absolutePath: name) }
        let base =
            switch node.place {
            case .file: source.fileDirectory
            case .override: source.currentDirectory
            }
        return JobFile.DataFile(name: name, absolutePath: "\(base)/\(name)")
    }
}
