/// What a source of data reads, as the user wrote its path.
public enum DataPath: Sendable, Hashable {
    case file(String)
    /// A directory of files, or of directories of files.
    case directory(String)

    /// The path as the user wrote it.
    public var name: String {
        switch self {
        case .file(let name), .directory(let name): name
        }
    }
}
