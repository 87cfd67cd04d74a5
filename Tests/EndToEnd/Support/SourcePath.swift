/// Where the package lies from which these tests were built.
enum SourcePath {
    static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4).joined(
        separator: "/")
}
