internal import LockstepCore

/// A value of a job file with the place it came from, so that every error can point at it.
struct JobNode: Sendable {
    enum Content: Sendable {
        case scalar(String)
        case sequence([JobNode])
        case mapping([Entry])
    }

    struct Entry: Sendable {
        var key: String
        var keyPlace: Place
        var value: JobNode
    }

    /// Where a value was written.
    enum Place: Sendable, Hashable {
        case file(line: Int, column: Int)
        case override(String)
    }

    var content: Content
    var place: Place

    var isScalar: Bool {
        if case .scalar = content { true } else { false }
    }

    /// What the value is, in the words of an error message.
    var kind: String {
        switch content {
        case .scalar(let text): "'\(text.escapedForDisplay(limit: 40))'"
        case .sequence: "a list"
        case .mapping: "a group of keys"
        }
    }
}
