public import LockstepCore
internal import LockstepFormats

/// Inputs and labels as two tensors of a safetensors file, plain or compressed with gzip. They are taken as those of
/// `NPY` are.
public struct SafetensorsData: DataSource, Hashable {
    /// The path of the file.
    public var path: String
    /// The name of the tensor of inputs.
    public var inputs: String
    /// The name of the tensor of labels.
    public var labels: String

    public init(path: String, inputs: String = "inputs", labels: String = "labels") {
        self.path = path
        self.inputs = inputs
        self.labels = labels
    }

    public var paths: [DataPath] { [.file(path)] }

    public var canonicalDescription: String {
        "safetensors " + JSONValue.array([.string(inputs), .string(labels)]).text
    }

    public func open(files: [DataFile], preprocessing: Preprocessing?) throws(CommandError) -> any SampleReader {
        try check(files, "safetensors data")
        let file = files[0]
        let contents = try file.contents()
        let tensors: Safetensors
        do {
            tensors = try Safetensors(parsing: contents)
        } catch {
            throw file.refusal("\(error)")
        }
        func tensor(_ name: String) throws(CommandError) -> TensorView {
            guard let tensor = tensors[name] else {
                let known = tensors.tensors.prefix(12).map(\.name).joined(separator: ", ").escapedForDisplay()
                throw file.refusal("it has no tensor “\(name.escapedForDisplay())”; it has \(known)")
            }
            return tensor
        }
        return try ArrayReader(
            inputs: try tensor(inputs), of: file, labels: try tensor(labels), of: file, preprocessing: preprocessing)
    }
}
