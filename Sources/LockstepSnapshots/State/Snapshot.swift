package import LockstepFormats

/// A snapshot that was read and whose every byte was verified.
package struct Snapshot: Sendable {
    package let manifest: SnapshotManifest
    /// Parameters and buffers in order of their names' UTF-8 bytes.
    package let parameters: [TensorView]
    /// The optimizer's tensors without `position` and `watch`, in the same order.
    package let optimizer: [TensorView]
    package let position: TrainingPosition
    package let watch: [Double]?

    /// The tensor of that name among parameters and optimizer's tensors.
    package subscript(name: String) -> TensorView? {
        Snapshot.find(name, in: parameters) ?? Snapshot.find(name, in: optimizer)
    }

    private static func find(_ name: String, in tensors: [TensorView]) -> TensorView? {
        var range = 0..<tensors.count
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if tensors[middle].name == name { return tensors[middle] }
            let goesOn = tensors[middle].name.utf8.lexicographicallyPrecedes(name.utf8)
            range = goesOn ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return nil
    }
}
