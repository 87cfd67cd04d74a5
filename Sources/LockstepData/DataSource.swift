public import LockstepCore

/// Where samples come from: files, or a generator.
///
/// A source is a description. Opening it reads files that someone else has found and checked, so the same source means
/// the same data on every machine.
public protocol DataSource: Sendable {
    /// What holds the data; empty where the data is generated.
    var paths: [DataPath] { get }

    /// Everything but paths that decides about the data, as one line that never changes its meaning.
    var canonicalDescription: String { get }

    /// Makes the samples readable.
    ///
    /// - Parameters:
    ///   - files: the contents of `paths`, in the same order.
    ///   - preprocessing: what the source of the training data fitted; nil where this is that source.
    /// - Throws: a usage error that names the file and says what is wrong with it.
    func open(files: [DataFile], preprocessing: Preprocessing?) throws(CommandError) -> any SampleReader
}

extension DataSource {
    /// Opens the source as that of the training data.
    package func open(files: [DataFile]) throws(CommandError) -> any SampleReader {
        try open(files: files, preprocessing: nil)
    }

    /// Checks that `files` are what `paths` name: as many, each of its kind.
    func check(_ files: [DataFile], _ source: String) throws(CommandError) {
        guard files.count == paths.count else {
            throw .usage("\(source): it has \(paths.count) paths, not \(files.count)")
        }
        for (path, file) in zip(paths, files) {
            switch (path, file.isDirectory) {
            case (.file, true): throw file.refusal("it is a directory; name a file")
            case (.directory, false): throw file.refusal("it is a file; name a directory")
            case (.file, false), (.directory, true): break
            }
        }
    }
}
