internal import LockstepCore
internal import LockstepData

/// The sources of data that a job file can name.
struct DataTable {
    private static let names = [
        "idx", "csv", "npy", "safetensors", "imageFolder", "cifar10", "bytes", "tokens", "text", "glyphs", "line",
        "features", "moons", "patterns", "sentences", "randomTokens", "randomImages",
    ]

    /// Where the job's paths lie.
    let base: JobSource
    /// The files of the sources made so far, each once.
    private(set) var files: [JobFile.DataFile] = []

    init(_ base: JobSource) { self.base = base }

    mutating func source(_ node: JobNode, path: String) throws(JobFileError) -> any DataSource {
        let choice = try JobChoice("source of data", node, path: path, known: DataTable.names)
        switch choice.word {
        case "idx":
            let arguments = try choice.arguments(["images", "labels"])
            return IDX(images: try file("images", arguments), labels: try file("labels", arguments))
        case "csv": return try csv(choice)
        case "npy":
            let arguments = try choice.arguments(["inputs", "labels"])
            return NPY(inputs: try file("inputs", arguments), labels: try file("labels", arguments))
        case "safetensors":
            let arguments = try choice.arguments(["path", "inputs", "labels"])
            return SafetensorsData(
                path: try file("path", arguments), inputs: try arguments.text("inputs") ?? "inputs",
                labels: try arguments.text("labels") ?? "labels")
        case "imageFolder":
            let arguments = try choice.arguments(["path", "height", "width", "channels"])
            return ImageFolder(
                path: try file("path", arguments, isDirectory: true),
                height: try arguments.integer("height", atLeast: 1, atMost: 1 << 14),
                width: try arguments.integer("width", atLeast: 1, atMost: 1 << 14),
                channels: try arguments.integer("channels", atLeast: 1, atMost: 3))
        case "cifar10":
            let arguments = try choice.arguments(["paths"])
            let node = try arguments.required("paths")
            var paths: [String] = []
            for name in try arguments.texts("paths") ?? [] {
                try add(name, node, arguments.innerPath("paths"), isDirectory: false)
                paths.append(name)
            }
            return CIFAR10(paths: paths)
        case "bytes": return try bytes(choice)
        case "tokens":
            let arguments = try choice.arguments(["path", "type", "context", "stride", "vocabulary", "from", "to"])
            return Tokens(
                path: try file("path", arguments),
                type: try DataTable.word("type", Tokens.Element.self, arguments) ?? .u16,
                context: try DataTable.context(arguments), stride: try arguments.integer("stride", atLeast: 1),
                vocabulary: try arguments.integer("vocabulary", atLeast: 1, atMost: 1 << 24),
                from: try DataTable.share("from", arguments) ?? 0, to: try DataTable.share("to", arguments) ?? 1)
        case "text":
            let arguments = try choice.arguments(["path", "text", "label", "vocabulary", "length", "padding", "task"])
            return Text(
                path: try file("path", arguments), text: try arguments.text("text") ?? "text",
                label: try arguments.text("label") ?? "label", vocabulary: try DataTable.vocabulary(arguments),
                length: try arguments.requiredInteger("length", atLeast: 1, atMost: 1 << 16),
                padding: try DataTable.word("padding", TextPadding.self, arguments) ?? .pre,
                task: try DataTable.word("task", CSV.Task.self, arguments) ?? .classify)
        default: return try DataTable.generated(choice)
        }
    }

    private mutating func csv(_ choice: JobChoice) throws(JobFileError) -> any DataSource {
        let arguments = try choice.arguments([
            "path", "label", "task", "numeric", "categorical", "ignored", "normalize",
        ])
        _ = try arguments.required("label")
        return CSV(
            path: try file("path", arguments), label: try arguments.text("label") ?? "",
            task: try DataTable.word("task", CSV.Task.self, arguments),
            numeric: try arguments.texts("numeric") ?? [], categorical: try arguments.texts("categorical") ?? [],
            ignored: try arguments.texts("ignored") ?? [], normalize: try arguments.boolean("normalize") ?? true)
    }

    private mutating func bytes(_ choice: JobChoice) throws(JobFileError) -> any DataSource {
        let arguments = try choice.arguments(["paths", "context", "stride", "suffixes", "from", "to"])
        let node = try arguments.required("paths")
        var paths: [String] = []
        for name in try arguments.texts("paths") ?? [] {
            let isDirectory = if case .directory = DataPath(name) { true } else { false }
            try add(name, node, arguments.innerPath("paths"), isDirectory: isDirectory)
            paths.append(name)
        }
        return Bytes(
            paths: paths, context: try DataTable.context(arguments),
            stride: try arguments.integer("stride", atLeast: 1), suffixes: try arguments.texts("suffixes") ?? [],
            from: try DataTable.share("from", arguments) ?? 0, to: try DataTable.share("to", arguments) ?? 1)
    }

    private static func context(_ arguments: JobArguments) throws(JobFileError) -> Int? {
        try arguments.integer("context", atLeast: 1, atMost: 1 << 20)
    }

    private static func vocabulary(_ arguments: JobArguments) throws(JobFileError) -> Int {
        try arguments.integer("vocabulary", atLeast: 3, atMost: 1 << 17) ?? 10_000
    }

    private static func share(_ key: String, _ arguments: JobArguments) throws(JobFileError) -> Double? {
        try arguments.number(key, "0 ≤ \(key) ≤ 1") { $0 >= 0 && $0 <= 1 }
    }

    /// The sources that need no files.
    private static func generated(_ choice: JobChoice) throws(JobFileError) -> any DataSource {
        switch choice.word {
        case "line":
            let arguments = try choice.arguments(["count", "slope", "intercept", "noise", "part", "seed"])
            return Line(
                count: try count(arguments), slope: try number("slope", arguments) ?? 3,
                intercept: try number("intercept", arguments) ?? 2, noise: try amount("noise", arguments) ?? 0.1,
                part: try part(arguments), seed: try seed(arguments))
        case "features":
            let arguments = try choice.arguments(["count", "inputs", "part", "seed"])
            return Features(
                count: try count(arguments), inputs: try arguments.integer("inputs", atLeast: 1, atMost: 1 << 16) ?? 3,
                part: try part(arguments), seed: try seed(arguments))
        case "moons":
            let arguments = try choice.arguments(["count", "noise", "part", "seed"])
            return Moons(
                count: try count(arguments), noise: try amount("noise", arguments) ?? 0.1,
                part: try part(arguments), seed: try seed(arguments))
        case "patterns":
            let arguments = try choice.arguments(["count", "height", "width", "channels", "classes", "part", "seed"])
            return Patterns(
                count: try count(arguments),
                height: try arguments.integer("height", atLeast: 1, atMost: 4096) ?? 224,
                width: try arguments.integer("width", atLeast: 1, atMost: 4096) ?? 224,
                channels: try arguments.integer("channels", atLeast: 1, atMost: 16) ?? 3,
                classes: try arguments.integer("classes", atLeast: 1, atMost: 1 << 20) ?? 1000,
                part: try part(arguments), seed: try seed(arguments))
        case "sentences":
            let arguments = try choice.arguments(["count", "length", "vocabulary", "padding", "part", "seed"])
            return Sentences(
                count: try count(arguments),
                length: try arguments.integer("length", atLeast: 1, atMost: 1 << 16) ?? 24,
                vocabulary: try vocabulary(arguments),
                padding: try word("padding", TextPadding.self, arguments) ?? .pre,
                part: try part(arguments), seed: try seed(arguments))
        case "randomTokens":
            let arguments = try choice.arguments(["count", "length", "tokens", "classes", "part", "seed"])
            return RandomTokens(
                count: try count(arguments),
                length: try arguments.requiredInteger("length", atLeast: 1, atMost: 1 << 20),
                tokens: try arguments.requiredInteger("tokens", atLeast: 1, atMost: 1 << 20),
                classes: try arguments.integer("classes", atLeast: 1, atMost: 1 << 20), part: try part(arguments),
                seed: try seed(arguments))
        case "randomImages":
            let arguments = try choice.arguments(["count", "height", "width", "channels", "classes", "part", "seed"])
            return RandomImages(
                count: try count(arguments),
                height: try arguments.requiredInteger("height", atLeast: 1, atMost: 4096),
                width: try arguments.requiredInteger("width", atLeast: 1, atMost: 4096),
                channels: try arguments.requiredInteger("channels", atLeast: 1, atMost: 16),
                classes: try arguments.requiredInteger("classes", atLeast: 1, atMost: 1 << 20),
                part: try part(arguments), seed: try seed(arguments))
        default:
            let arguments = try choice.arguments(["count", "part", "seed"])
            return Glyphs(count: try count(arguments), part: try part(arguments), seed: try seed(arguments))
        }
    }

    private static func count(_ arguments: JobArguments) throws(JobFileError) -> Int {
        try arguments.requiredInteger("count", atLeast: 1, atMost: 1 << 30)
    }

    private static func seed(_ arguments: JobArguments) throws(JobFileError) -> UInt64 {
        try arguments.unsigned("seed") ?? 1
    }

    private static func part(_ arguments: JobArguments) throws(JobFileError) -> DataPart {
        try word("part", DataPart.self, arguments) ?? .train
    }

    private static func number(_ key: String, _ arguments: JobArguments) throws(JobFileError) -> Double? {
        try arguments.number(key, "a finite number") { _ in true }
    }

    private static func amount(_ key: String, _ arguments: JobArguments) throws(JobFileError) -> Double? {
        try arguments.number(key, "\(key) is at least 0") { $0 >= 0 }
    }

    /// One of an enumeration's words; nil where the key is absent.
    private static func word<Word: RawRepresentable<String> & CaseIterable>(
        _ key: String, _ type: Word.Type, _ arguments: JobArguments
    ) throws(JobFileError) -> Word? {
        guard let text = try arguments.text(key) else { return nil }
        guard let word = Word(rawValue: text) else {
            throw JobFileError(
                arguments.node(key)?.place ?? arguments.place, arguments.innerPath(key),
                "unknown \(key) '\(text.escapedForDisplay(limit: 40))'; it is one of "
                    + Word.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return word
    }

    mutating func file(
        _ key: String, _ arguments: JobArguments, isDirectory: Bool = false
    ) throws(JobFileError) -> String {
        let node = try arguments.required(key)
        guard let name = try arguments.text(key) else {
            throw JobFileError(node.place, arguments.innerPath(key), "no file named")
        }
        try add(name, node, arguments.innerPath(key), isDirectory: isDirectory)
        return name
    }

    /// Paths in a job file are relative to it, paths in `--set` to the current directory.
    private mutating func add(
        _ name: String, _ node: JobNode, _ path: String, isDirectory: Bool
    ) throws(JobFileError) {
        let file = JobFile.DataFile(name: name, directory: base.directory(of: node.place), isDirectory: isDirectory)
        guard !files.contains(file) else { return }
        guard !files.contains(where: { $0.name == name }) else {
            throw JobFileError(
                node.place, path,
                "'\(name.escapedForDisplay(limit: 100))' names something else elsewhere in the job; write the whole path"
            )
        }
        files.append(file)
    }
}
