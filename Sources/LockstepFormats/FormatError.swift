/// What is wrong with foreign bytes, and where.
package struct FormatError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The byte at which reading stopped making sense.
    package let offset: Int
    /// One plain sentence without the offset; foreign text in it is escaped.
    package let message: String

    package init(offset: Int, _ message: String) {
        self.offset = offset
        self.message = message
    }

    package var description: String { "\(message) (at byte \(offset))" }
}
