/// A JSON number, kept as its text so that nothing is lost.
package struct JSONNumber: Sendable, Hashable, CustomStringConvertible {
    /// As JSON's grammar has it.
    package let text: String

    /// - Parameter text: must be a JSON number.
    init(validText text: String) { self.text = text }

    package init(_ value: some FixedWidthInteger) { text = String(value) }

    /// - Parameter value: finite.
    init(_ value: Double) { text = value.description }

    /// - Parameter value: finite.
    init(_ value: Float) { text = value.description }

    /// The nearest `Double`; infinite where it is too large.
    package var double: Double? { Double(text) }

    /// The value, where the text is a whole number without point or exponent that fits.
    package var int: Int? { Int(text) }
    package var uint64: UInt64? { UInt64(text) }

    package var description: String { text }
}
