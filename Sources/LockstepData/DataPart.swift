/// Which samples of a generator's seed: no sample of one part is in another.
public enum DataPart: String, Sendable, Hashable, CaseIterable {
    case train
    case validation
    case test

    /// The first word of a random counter's site.
    var site: UInt32 {
        switch self {
        case .train: 0
        case .validation: 1
        case .test: 2
        }
    }
}
