public import LockstepCore

/// Rows of random token numbers, each as likely as any other. There is nothing to learn in them: they are for measuring.
public struct RandomTokens: DataSource, Hashable {
    /// How many rows.
    public var count: Int
    /// Tokens of an input.
    public var length: Int
    /// How many tokens there are.
    public var tokens: Int
    /// The target is one of so many classes, which take turns; nil: at each position the token that follows.
    public var classes: Int?
    public var part: DataPart
    /// Of the tokens, not of the training.
    public var seed: UInt64

    public init(
        count: Int, length: Int, tokens: Int, classes: Int? = nil, part: DataPart = .train, seed: UInt64 = 1
    ) {
        self.count = count
        self.length = length
        self.tokens = tokens
        self.classes = classes
        self.part = part
        self.seed = seed
    }

    public var paths: [DataPath] { [] }

    public var canonicalDescription: String {
        "random tokens version 1 count \(count) length \(length) tokens \(tokens) "
            + "classes \(classes.map { "\($0)" } ?? "none") part \(part.rawValue) seed \(seed)"
    }

    public func open(files: [DataFile], preprocessing: Preprocessing?) throws(CommandError) -> any SampleReader {
        try check(files, "randomTokens")
        try GeneratedReader.check(
            (1...1 << 20).contains(length) && (1...1 << 20).contains(tokens) && (1...1 << 20).contains(classes ?? 1),
            "randomTokens: \(length) tokens of \(tokens) are impossible; give from 1 to \(1 << 20) of each")
        let generator = Philox(seed: seed, purpose: .generatedData)
        let site = GeneratorSite.randomTokens.samples(of: part)
        let (length, tokens, classes) = (length, tokens, classes)
        return try GeneratedReader(
            canonicalDescription, count: count, inputShape: [length],
            target: classes.map { .classes($0) } ?? .classSequence(classes: tokens, length: length),
            tokenCount: tokens
        ) { sample, input, target in
            var random = SampleRandom(generator, site: site, index: UInt64(sample))
            for position in 0..<length { input[position] = Float(random.choice(tokens)) }
            if let classes {
                target.storeBytes(of: Int32(truncatingIfNeeded: sample % classes), as: Int32.self)
                return
            }
            let labels = target.assumingMemoryBound(to: Int32.self)
            for position in 0..<length - 1 { labels[position] = Int32(input[position + 1]) }
            labels[length - 1] = Int32(truncatingIfNeeded: random.choice(tokens))
        }
    }
}
