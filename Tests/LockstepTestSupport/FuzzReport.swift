/// What fuzzing a reader came to.
package struct FuzzReport: Sendable {
    /// Inputs that the reader took.
    package var taken = 0
    /// Inputs that the reader refused with its own error.
    package var refused = 0

    package init() {}
}

/// Something that must not happen while a reader is fuzzed.
package struct FuzzFlaw: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// An input at which a reader goes wrong.
package struct FuzzFinding: Error, CustomStringConvertible {
    package let name: String
    package let seed: UInt64
    package let index: Int
    package let input: [UInt8]
    package let error: any Error

    package var description: String {
        let shown = input.prefix(200).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        let end = input.count > 200 ? "…" : ""
        return "\(name), seed \(seed), input \(index), \(input.count) bytes \(shown)\(end): \(error)"
    }
}
