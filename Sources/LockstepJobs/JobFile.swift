package import LockstepCore
internal import LockstepData
internal import LockstepModels

/// A job file, read: the job, and where its data files lie on the machine that wrote it.
package struct JobFile {
    package let job: Job
    /// For every data file as the job names it, in the order of the sources: its absolute path here.
    package let files: [DataFile]

    package struct DataFile: Sendable, Hashable, Codable {
        /// The path as written.
        package var name: String
        package var absolutePath: String
    }

    private static let keys = [
        "name", "model", "loss", "optimizer", "data", "batchSize", "epochs", "steps", "lanes", "seed",
    ]

    /// - Throws: `CommandError` with the file, line, key and a fix.
    package init(_ source: JobSource) throws(CommandError) {
        do throws(JobFileError) {
            var root = try JobNode.parse(yaml: source.text)
            for text in source.overrides { root = try JobOverride(text).applied(to: root) }
            self = try JobFile(root: root, source: source)
        } catch {
            throw error.commandError(fileName: source.fileName)
        }
    }

    private init(root: JobNode, source: JobSource) throws(JobFileError) {
        guard case .mapping = root.content else {
            throw JobFileError(root.place, "", "a job is a group of keys: \(JobFile.keys.joined(separator: ", "))")
        }
        let arguments = try JobArguments("a job", root, path: "", place: root.place, parameters: JobFile.keys)
        let model = try ModelTable.model(try arguments.required("model"), path: "model")
        let loss = try LossTable.loss(try arguments.required("loss"), path: "loss")
        let optimizer = try OptimizerTable.optimizer(try arguments.required("optimizer"), path: "optimizer")
        let data = try JobArguments(
            "data", try arguments.required("data"), path: "data", place: root.place, parameters: ["train", "test"])
        var files: [DataFile] = []
        let train = try DataTable.source(try data.required("train"), path: "data.train", from: source, files: &files)
        let test = try data.node("test").map { node throws(JobFileError) in
            try DataTable.source(node, path: "data.test", from: source, files: &files)
        }
        let batchSize = try arguments.requiredInteger("batchSize", atLeast: 1, atMost: 1 << 20)
        let lanes = try arguments.integer("lanes", atLeast: 1, atMost: 4096) ?? min(8, batchSize)
        let name = try arguments.text("name") ?? JobFile.baseName(of: source.fileName)
        self.job = Job(
            name: try JobFile.checked(name: name, arguments),
            model: model, loss: loss, optimizer: optimizer, train: train, test: test,
            batchSize: batchSize, length: try JobFile.length(arguments), lanes: lanes,
            seed: try arguments.unsigned("seed") ?? 0)
        self.files = files
    }

    private static func length(_ arguments: JobArguments) throws(JobFileError) -> Job.Length {
        let epochs = try arguments.integer("epochs", atLeast: 1, atMost: 1 << 24)
        let steps = try arguments.integer("steps", atLeast: 1, atMost: 1 << 31)
        switch (epochs, steps) {
        case (let epochs?, nil): return .epochs(epochs)
        case (nil, let steps?): return .steps(steps)
        case (nil, nil): throw JobFileError(arguments.place, "", "a job needs epochs or steps; add epochs: 4")
        case (_?, _?): throw JobFileError(arguments.place, "", "epochs and steps are both given; keep one")
        }
    }

    /// A job's name becomes a directory's.
    private static func checked(name: String, _ arguments: JobArguments) throws(JobFileError) -> String {
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
                arguments.node("name")?.place ?? arguments.place, "name",
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
