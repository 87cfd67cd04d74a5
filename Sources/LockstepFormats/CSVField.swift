/// One field of a CSV file.
package struct CSVField: Sendable, Equatable {
    /// Where the field begins in the file, its quote included.
    package let offset: Int
    /// The contents, without the quotes around them and with doubled quotes made single.
    package let bytes: ArraySlice<UInt8>
    /// Whether the field stands in quotes.
    package let isQuoted: Bool

    /// The contents as text, spaces included.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Whether the field is empty, or all spaces and tabs.
    package var isBlank: Bool { bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 } }

    /// Whether the field says that a number is missing: it is blank or one of `CSVFormat.missingWords`.
    package var isMissing: Bool { CSVFormat.isMissing(bytes) }

    /// The nearest `Float`; nil where the field is no number, or one that is too large.
    package var float: Float? { DecimalText.float(bytes) }

    /// The nearest `Double`; nil where the field is no number, or one that is too large.
    package var double: Double? { DecimalText.double(bytes) }

    /// The whole number; nil where the field is none, or does not fit.
    package var int: Int? { DecimalText.int(bytes) }
}
