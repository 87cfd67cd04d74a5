public import LockstepCore
internal import LockstepFormats

/// Inputs and labels in two files of NumPy, each plain or compressed with gzip.
///
/// The first extent of both counts the samples. Numbers are taken as they are. Inputs of three dimensions in all are grey
/// images and get a channel. Labels that are whole numbers are classes from 0, one a sample or one for each of its positions;
/// others are values.
public struct NPY: DataSource, Hashable {
    /// The path of the file of inputs.
    public var inputs: String
    /// The path of the file of labels.
    public var labels: String

    public init(inputs: String, labels: String) {
        self.inputs = inputs
        self.labels = labels
    }

    public var paths: [DataPath] { [.file(inputs), .file(labels)] }

    public var canonicalDescription: String { "npy" }

    public func open(files: [DataFile], preprocessing: Preprocessing?) throws(CommandError) -> any SampleReader {
        try check(files, "npy data")
        return try ArrayReader(
            inputs: try NPY.array(files[0]), of: files[0], labels: try NPY.array(files[1]), of: files[1],
            preprocessing: preprocessing)
    }

    static func array(_ file: DataFile) throws(CommandError) -> TensorView {
        let contents = try file.contents()
        do {
            return try NPYFormat.read(contents)
        } catch {
            throw file.refusal("\(error)")
        }
    }
}
