/// A frame of a member that has no place. The link to that member is then of no use any more.
package struct ExchangeFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// Index in roster order.
    package let member: Int
    /// Continues a sentence that begins with the member's name. Names the bucket.
    package let reason: String

    package init(_ member: Int, _ reason: String) {
        self.member = member
        self.reason = reason
    }

    package var description: String { "member \(member) \(reason)" }
}
