/// Keeps the streams of different generators apart under one seed.
enum GeneratorSite: UInt32 {
    case line = 1
    case features = 2
    case moons = 3
    case patterns = 4
    case sentences = 5
    case randomTokens = 6
    case randomImages = 7

    /// What is drawn for single samples.
    func samples(of part: DataPart) -> UInt32 { rawValue * 4 + part.site }

    /// What all parts of a seed share.
    var shared: UInt32 { rawValue * 4 + 3 }
}
