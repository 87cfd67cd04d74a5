/// Parameters to begin with, from a safetensors file with PyTorch's names and shapes: what `state_dict()` holds, or the
/// `parameters.safetensors` of a snapshot.
public struct InitialWeights: Sendable, Hashable {
    /// The path of the file.
    public var path: String

    public init(from path: String) { self.path = path }
}
