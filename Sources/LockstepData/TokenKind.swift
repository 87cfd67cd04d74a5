/// What the tokens of an input stand for.
public enum TokenKind: String, Sendable, Hashable, Codable {
    /// The bytes of a text.
    case bytes
    /// The words of a text, numbered by its tokenizer.
    case words
    /// Numbers that someone else gave.
    case numbers
}
