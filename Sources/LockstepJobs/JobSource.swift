/// A job file as it was given: all that another process needs to build the same job.
package struct JobSource: Sendable, Hashable, Codable {
    /// The file's name as the user wrote it, for messages.
    package var fileName: String
    /// The absolute directory that the file's own paths are relative to.
    package var fileDirectory: String
    /// The absolute directory that paths in overrides are relative to.
    package var currentDirectory: String
    package var text: String
    /// `--set` arguments, in order.
    package var overrides: [String]

    package init(
        fileName: String, fileDirectory: String, currentDirectory: String, text: String, overrides: [String] = []
    ) {
        self.fileName = fileName
        self.fileDirectory = fileDirectory
        self.currentDirectory = currentDirectory
        self.text = text
        self.overrides = overrides
    }
}
