/// The contents of a safetensors file: 8 bytes of header length, the header in JSON, the tensors without gaps.
package struct Safetensors: Sendable, Equatable {
    /// In the order in which their bytes stand in the file.
    package var tensors: [TensorView]
    /// What stands under `__metadata__`.
    package var metadata: [Pair]

    /// A key and its text.
    package struct Pair: Sendable, Equatable {
        package var key: String
        package var value: String

        package init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    static let metadataKey = "__metadata__"
    static let maximumHeaderBytes = 100_000_000
    static let maximumNameBytes = 512
    static let maximumRank = 8

    package init(tensors: [TensorView], metadata: [Pair] = [Pair(key: "format", value: "pt")]) {
        self.tensors = tensors
        self.metadata = metadata
    }

    /// The tensor of that name.
    package subscript(name: String) -> TensorView? { tensors.first { $0.name == name } }
}
