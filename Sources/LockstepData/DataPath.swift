/// What a source of data reads, as the user wrote its path.
public enum DataPath: Sendable, Hashable {
    case file(String)
    /// A directory with all files beneath it.
    case directory(String)

    /// Of a source that takes both: a path that ends in `/` is a directory's.
    public init(_ path: String) { self = path.utf8.last == UInt8(ascii: "/") ? .directory(path) : .file(path) }

    /// The path as the user wrote it.
    public var name: String {
        switch self {
        case .file(let name), .directory(let name): name
        }
    }
}
