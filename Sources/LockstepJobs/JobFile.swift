package import LockstepCore
internal import LockstepData
internal import LockstepModels

/// A job, read from a file or taken from the program, and where its data lies on the machine where it was given.
package struct JobFile {
    package let job: Job
    /// What the sources of data read, each once, in the order of the sources, and the weights to begin with.
    package let files: [DataFile]

    package struct DataFile: Sendable, Hashable, Codable {
        /// The path as written.
        package var name: String
        package var absolutePath: String
        package var isDirectory: Bool

        init(name: String, directory: String, isDirectory: Bool) {
            self.name = name
            self.absolutePath = name.hasPrefix("/") ? name : "\(directory)/\(name)"
            self.isDirectory = isDirectory
        }
    }

    private static let keys = [
        "name", "model", "loss", "optimizer", "metrics", "data", "batchSize", "epochs", "steps", "lanes", "seed",
        "shuffle", "regularization", "clipping", "earlyStopping", "initialValues", "initialize",
        "snapshots", "audit", "traces",
    ]

    /// - Throws: `CommandError` with the file, line, key and a fix.
    package init(_ source: JobSource) throws(CommandError) {
        do throws(JobFileError) {
            if let text = source.text {
                self = try JobFile(text: text, source: source)
            } else {
                guard let job = ProgramJob.current else {
                    throw JobFileError(
                        .file(line: 1, column: 1), "", "this program has no job of its own; run the program that has")
                }
                self = try JobFile(job: job, source: source)
            }
        } catch {
            throw error.commandError(fileName: source.fileName, isProgram: source.isProgram)
        }
    }

    private init(text: String, source: JobSource) throws(JobFileError) {
        var root = try JobNode.parse(yaml: text)
        for override in source.allOverrides { root = try JobOverride(override).applied(to: root) }
        guard case .mapping = root.content else {
            throw JobFileError(root.place, "", "a job is a group of keys: \(JobFile.keys.joined(separator: ", "))")
        }
        let arguments = try JobArguments("a job", root, path: "", place: root.place, parameters: JobFile.keys)
        let data = try JobArguments(
            "data", try arguments.required("data"), path: "data", place: root.place,
            parameters: ["train", "transforms", "validation", "test"])
        var table = DataTable(source)
        let train = try table.source(try data.required("train"), path: "data.train")
        let batchSize = try arguments.requiredInteger("batchSize", atLeast: 1, atMost: 1 << 20)
        var job = Job(
            name: try JobFile.name(arguments, fileName: source.fileName),
            model: try ModelTable.model(try arguments.required("model"), path: "model"),
            loss: try LossTable.loss(try arguments.required("loss"), path: "loss"),
            optimizer: try OptimizerTable.optimizer(try arguments.required("optimizer"), path: "optimizer"),
            train: train, batchSize: batchSize, length: try JobFile.requiredLength(arguments),
            lanes: try arguments.integer("lanes", atLeast: 1, atMost: 4096),
            seed: try arguments.unsigned("seed") ?? 0, shuffle: try arguments.boolean("shuffle") ?? true)
        if let node = data.node("transforms") {
            job.transforms = try TransformTable.transforms(node, path: "data.transforms")
        }
        if let node = data.node("validation") {
            job.validation = try JobFile.validation(node, path: "data.validation", &table)
        }
        if let node = data.node("test") { job.test = try table.source(node, path: "data.test") }
        if let node = arguments.node("metrics") { job.metrics = try MetricTable.metrics(node, path: "metrics") }
        if let node = arguments.node("regularization") {
            job.regularization = try OptimizerTable.regularization(node, path: "regularization")
        }
        if let node = arguments.node("clipping") {
            job.clipping = try OptimizerTable.clipping(node, path: "clipping")
        }
        if let node = arguments.node("earlyStopping") {
            job.earlyStopping = try MetricTable.earlyStopping(node, path: "earlyStopping")
        }
        if let node = arguments.node("initialValues") {
            job.initialValues = try InitialValueTable.rules(node, path: "initialValues")
        }
        if let node = arguments.node("initialize") {
            let weights = try JobArguments(
                "initialize", node, path: "initialize", place: node.place, parameters: ["from"])
            job.initialize = InitialWeights(from: try table.file("from", weights))
        }
        if let node = arguments.node("snapshots") {
            job.snapshots = try PolicyTable.snapshots(node, path: "snapshots")
        }
        if let node = arguments.node("audit") { job.audit = try PolicyTable.audit(node, path: "audit") }
        if let node = arguments.node("traces") { job.traces = try PolicyTable.traces(node, path: "traces") }
        self.job = job
        self.files = table.files
    }

    /// A source, or `{split: 0.1}` of the training data.
    private static func validation(
        _ node: JobNode, path: String, _ table: inout DataTable
    ) throws(JobFileError) -> Job.Validation {
        guard case .mapping(let entries) = node.content, entries.count == 1, entries[0].key == "split" else {
            return .source(try table.source(node, path: path))
        }
        let arguments = try JobArguments("validation", node, path: path, place: node.place, parameters: ["split"])
        return .split(try arguments.number("split", "0 < split < 1") { $0 > 0 && $0 < 1 } ?? 0)
    }

    private static func requiredLength(_ arguments: JobArguments) throws(JobFileError) -> Job.Length {
        guard let length = try length(arguments) else {
            throw JobFileError(arguments.place, "", "a job needs epochs or steps; add epochs: 4")
        }
        return length
    }

    private static func length(_ arguments: JobArguments) throws(JobFileError) -> Job.Length? {
        let epochs = try arguments.integer("epochs", atLeast: 1, atMost: 1 << 24)
        let steps = try arguments.integer("steps", atLeast: 1, atMost: 1 << 31)
        switch (epochs, steps) {
        case (let epochs?, nil): return .epochs(epochs)
        case (nil, let steps?): return .steps(steps)
        case (nil, nil): return nil
        case (_?, _?): throw JobFileError(arguments.place, "", "epochs and steps are both given; keep one")
        }
    }

    private static func name(_ arguments: JobArguments, fileName: String) throws(JobFileError) -> String {
        try JobFile.checked(
            name: try arguments.text("name") ?? baseName(of: fileName), arguments.node("name")?.place ?? arguments.place
        )
    }

    /// A job's name becomes a directory's.
    private static func checked(name: String, _ place: JobNode.Place) throws(JobFileError) -> String {
        let allowed = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        guard allowed, !name.hasPrefix("."), (1...64).contains(name.utf8.count) else {
            throw JobFileError(
                place, "name",
                "'\(name.escapedForDisplay(limit: 64))' cannot name a directory; use letters, digits, '-', '_' and '.', or add name: my-job"
            )
        }
        return name
    }

    private static func baseName(of path: String) -> String {
        let last = path.split(separator: "/").last.map(String.init) ?? "job"
        for ending in [".yaml", ".yml"] where last.hasSuffix(ending) && last.count > ending.count {
            return String(last.dropLast(ending.count))
        }
        return last
    }
}

extension JobFile {
    /// What `--set` can change in a program's job; anything else is changed in the program.
    private static let programKeys = [
        "name", "batchSize", "epochs", "steps", "lanes", "seed", "snapshots", "audit", "traces",
    ]

    private init(job: Job, source: JobSource) throws(JobFileError) {
        var root = JobNode(content: .mapping([]), place: .file(line: 1, column: 1))
        for override in source.allOverrides { root = try JobOverride(override).applied(to: root) }
        let arguments = try JobArguments(
            "--set of a program", root, path: "", place: root.place, parameters: JobFile.programKeys)
        var job = job
        job.name = try JobFile.checked(
            name: try arguments.text("name") ?? job.name, arguments.node("name")?.place ?? root.place)
        if let batchSize = try arguments.integer("batchSize", atLeast: 1, atMost: 1 << 20) {
            // Lanes that the program left to their default follow the batch.
            if job.lanes == min(8, job.batchSize) { job.lanes = min(8, batchSize) }
            job.batchSize = batchSize
        }
        if let lanes = try arguments.integer("lanes", atLeast: 1, atMost: 4096) { job.lanes = lanes }
        if let length = try JobFile.length(arguments) { job.length = length }
        if let seed = try arguments.unsigned("seed") { job.seed = seed }
        if let node = arguments.node("snapshots") {
            job.snapshots = try PolicyTable.snapshots(node, path: "snapshots", base: job.snapshots)
        }
        if let node = arguments.node("audit") {
            job.audit = try PolicyTable.audit(node, path: "audit", base: job.audit)
        }
        if let node = arguments.node("traces") {
            job.traces = try PolicyTable.traces(node, path: "traces", base: job.traces)
        }
        self.job = job
        self.files = JobFile.files(of: job, in: source.currentDirectory)
    }

    private static func files(of job: Job, in directory: String) -> [DataFile] {
        var sources = [job.train]
        if case .source(let source)? = job.validation { sources.append(source) }
        if let test = job.test { sources.append(test) }
        var files: [DataFile] = []
        let weights = job.initialize.map { [DataPath.file($0.path)] } ?? []
        for path in sources.flatMap(\.paths) + weights {
            let file =
                switch path {
                case .file(let name): DataFile(name: name, directory: directory, isDirectory: false)
                case .directory(let name): DataFile(name: name, directory: directory, isDirectory: true)
                }
            if !files.contains(file) { files.append(file) }
        }
        return files
    }
}
