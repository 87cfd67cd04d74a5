internal import LockstepCore

/// What is wrong with a snapshot, and where.
package struct SnapshotDamage: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file's name in the snapshot's directory.
    package let file: String
    /// The tensor whose bytes are damaged, where it is known.
    package let tensor: String?
    /// The bytes of the file among which the damage lies, where that is known.
    package let byteRange: Range<Int>?
    /// One plain clause.
    package let what: String

    package init(file: String, tensor: String? = nil, byteRange: Range<Int>? = nil, what: String) {
        self.file = file
        self.tensor = tensor
        self.byteRange = byteRange
        self.what = what
    }

    /// One line: `parameters.safetensors, tensor “0.weight”, bytes 64..<128: …`.
    package var description: String {
        var place = file
        if let tensor { place += ", tensor “\(tensor.escapedForDisplay(limit: 60))”" }
        if let byteRange { place += ", bytes \(byteRange.lowerBound)..<\(byteRange.upperBound)" }
        return "\(place): \(what)"
    }
}
