/// A job as it was given: all that another process needs to build the same one.
package struct JobSource: Sendable, Hashable, Codable {
    /// The file's name as the user wrote it, or the program's, for messages.
    package var fileName: String
    /// The absolute directory that the job's own paths are relative to.
    package var fileDirectory: String
    /// The absolute directory that paths in overrides are relative to.
    package var currentDirectory: String
    /// The job file; nil where the job is the program's own (`ProgramJob`).
    package var text: String?
    /// `--set` arguments, in order.
    package var overrides: [String]

    /// Changes made where a run is used; nil for none.
    package private(set) var later: Later?

    /// `--set` arguments that come after the run began, with the absolute directory that their paths are relative to.
    package struct Later: Sendable, Hashable, Codable {
        package var currentDirectory: String
        package var overrides: [String]
    }

    /// A job file.
    package init(
        fileName: String, fileDirectory: String, currentDirectory: String, text: String, overrides: [String] = []
    ) {
        self.fileName = fileName
        self.fileDirectory = fileDirectory
        self.currentDirectory = currentDirectory
        self.text = text
        self.overrides = overrides
    }

    /// The program's own job: every process that builds it runs the same executable.
    package static func program(
        name: String, currentDirectory: String, overrides: [String] = []
    ) -> JobSource {
        var source = JobSource(
            fileName: name, fileDirectory: currentDirectory, currentDirectory: currentDirectory, text: "",
            overrides: overrides)
        source.text = nil
        return source
    }

    /// The same job with more `--set` arguments, given in another directory perhaps.
    package func changed(by overrides: [String], in currentDirectory: String) -> JobSource {
        var source = self
        source.later = overrides.isEmpty ? nil : Later(currentDirectory: currentDirectory, overrides: overrides)
        return source
    }

    var allOverrides: [String] { overrides + (later?.overrides ?? []) }

    /// The absolute directory that a path written at `place` is relative to. Of two equal arguments the later counts.
    func directory(of place: JobNode.Place) -> String {
        switch place {
        case .file: return fileDirectory
        case .override(let text):
            if let later, later.overrides.contains(text) { return later.currentDirectory }
            return currentDirectory
        }
    }

    package var isProgram: Bool { text == nil }
}
