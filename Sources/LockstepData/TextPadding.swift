/// On which side of a text tokens are added where it is short, or dropped where it is long.
public enum TextPadding: String, Sendable, Hashable, Codable, CaseIterable {
    /// In front: the end of the text stands at the end of the input.
    case pre
    /// Behind.
    case post
}
