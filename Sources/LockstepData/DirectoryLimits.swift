/// How much a directory of data may hold.
package struct DirectoryLimits: Sendable {
    /// Of all files together.
    package var maximumBytes: Int
    package var maximumFiles: Int
    /// How many directories lie in one another at most, the outermost not counted.
    static let maximumDepth = 16

    package init(maximumBytes: Int = 8 << 30, maximumFiles: Int = 1 << 21) {
        self.maximumBytes = maximumBytes
        self.maximumFiles = maximumFiles
    }
}
