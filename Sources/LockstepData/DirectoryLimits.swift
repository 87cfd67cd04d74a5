/// How much a directory of data may hold.
package struct DirectoryLimits: Sendable {
    /// Of all files together.
    package var maximumBytes: Int
    package var maximumFiles: Int

    package init(maximumBytes: Int = 8 << 30, maximumFiles: Int = 1 << 21) {
        self.maximumBytes = maximumBytes
        self.maximumFiles = maximumFiles
    }
}
