/// What a model learns to give for a sample.
public enum SampleTarget: Sendable, Hashable, Codable {
    /// One of so many classes, numbered from 0: one `Int32`.
    case classes(Int)
    /// So many numbers: as many `Float`s.
    case values(Int)
    /// At each position of a sequence one of so many classes: as many `Int32`s as there are positions.
    case classSequence(classes: Int, length: Int)

    /// How many words of four bytes a sample's target takes.
    public var elementCount: Int {
        switch self {
        case .classes: 1
        case .values(let count): count
        case .classSequence(_, let length): length
        }
    }
}
