internal import LockstepCore

/// Writes the texts of `Sentences`.
///
/// A text praises or blames once or twice, among words that mean nothing. A negation turns the word that it stands before
/// into its opposite. Where a text does so twice, the second counts: behind “but” it says the opposite of the first, behind
/// “and” the same. So neither any single word nor all of them without their order tell the class.
struct SentenceAuthor {
    private let generator: Philox
    private let site: UInt32
    private let length: Int

    static let version = 1

    init(_ sentences: Sentences) {
        generator = Philox(seed: sentences.seed, purpose: .generatedData)
        site = GeneratorSite.sentences.samples(of: sentences.part)
        length = sentences.length
    }

    /// The words of a text.
    ///
    /// - Parameter isPraise: what it says.
    func words(of sample: Int, isPraise: Bool) -> [String] {
        var random = SampleRandom(generator, site: site, index: UInt64(sample))
        let wanted = length / 2 + random.choice(length - length / 2 + 1)
        // Of ten texts four have one opinion, three two that differ, three two that agree.
        let plan = random.choice(10)
        var parts: [[String]] = []
        if plan >= 4 {
            let differs = plan < 7
            parts.append(SentenceAuthor.opinion(isPraise: isPraise != differs, &random))
            parts.append([differs ? SentenceWords.contrast : SentenceWords.addition])
            parts[1] += SentenceAuthor.opinion(isPraise: isPraise, &random)
        } else {
            parts.append(SentenceAuthor.opinion(isPraise: isPraise, &random))
        }
        let fillers = max(0, wanted - parts.reduce(0) { $0 + $1.count })
        // Where the parts stand among the other words.
        let places = parts.map { _ in random.choice(fillers + 1) }.sorted()
        var words: [String] = []
        var next = 0
        for filler in 0...fillers {
            while next < parts.count, places[next] == filler {
                words += parts[next]
                next += 1
            }
            if filler < fillers { words.append(SentenceAuthor.filler(&random)) }
        }
        return words
    }

    private static func opinion(isPraise: Bool, _ random: inout SampleRandom) -> [String] {
        let isNegated = random.choice(20) < 7
        var words: [String] = []
        if isNegated { words.append(pick(SentenceWords.negations, &random)) }
        if random.choice(10) < 3 { words.append(pick(SentenceWords.degrees, &random)) }
        words.append(pick(isPraise != isNegated ? SentenceWords.praise : SentenceWords.blame, &random))
        return words
    }

    /// Some are frequent, most are rare, as in a language.
    private static func filler(_ random: inout SampleRandom) -> String {
        let uniform = random.uniform(0, 1)
        let square = uniform * uniform
        let cube = square * uniform
        let place = cube * Float(SentenceWords.fillerCount)
        return SentenceWords.filler(min(Int(place), SentenceWords.fillerCount - 1))
    }

    private static func pick(_ words: [String], _ random: inout SampleRandom) -> String {
        words[random.choice(words.count)]
    }
}
