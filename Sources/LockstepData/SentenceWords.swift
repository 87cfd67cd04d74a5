/// The words of `Sentences`. Any change is a new version of its texts.
enum SentenceWords {
    static let praise = [
        "good", "great", "fine", "lovely", "superb", "charming", "brilliant", "moving", "clever", "funny", "warm",
        "elegant", "gripping", "tender", "fresh", "witty", "bright", "honest", "rich", "perfect", "graceful", "wise",
        "bold", "splendid",
    ]
    static let blame = [
        "bad", "poor", "dull", "awful", "weak", "clumsy", "boring", "stale", "silly", "tedious", "cold", "crude",
        "flat",
        "noisy", "shallow", "vague", "grim", "sloppy", "bland", "wooden", "empty", "tired", "ugly", "dreadful",
    ]
    static let negations = ["not", "never", "hardly"]
    static let degrees = ["very", "really", "so", "quite"]
    static let contrast = "but"
    static let addition = "and"

    /// How many words there are that mean nothing.
    static let fillerCount = 9900

    /// A word that means nothing: two syllables and a closing letter, such as “bamer”.
    static func filler(_ number: Int) -> String {
        let consonants = Array("bdfgklmnprstvwyz".utf8)
        let vowels = Array("aeiou".utf8)
        func syllable(_ number: Int) -> [UInt8] { [consonants[number / 5], vowels[number % 5]] }
        let syllables = syllable(number % 80) + syllable(number / 80 % 80)
        return String(decoding: syllables + [number < 6400 ? UInt8(ascii: "n") : UInt8(ascii: "r")], as: UTF8.self)
    }
}
