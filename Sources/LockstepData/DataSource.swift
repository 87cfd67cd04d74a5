public import LockstepCore

/// Where samples come from: files, or a generator.
///
/// A source is a description. Opening it reads files that someone else has found and checked, so the same source means
/// the same data on every machine.
public protocol DataSource: Sendable {
    /// The files that hold the data, as the user wrote their paths; empty where the data is generated.
    var files: [String] { get }

    /// Everything but files that decides about the data, as one line that never changes its meaning.
    var canonicalDescription: String { get }

    /// Makes the samples readable.
    ///
    /// - Parameter files: the contents of `files`, in the same order.
    /// - Throws: a usage error that names the file and says what is wrong with it.
    func open(files: [DataFile]) throws(CommandError) -> any SampleReader
}

/// The contents of a file of data.
public struct DataFile: Sendable {
    /// What messages call it.
    public let name: String
    public let bytes: [UInt8]

    public init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }
}
