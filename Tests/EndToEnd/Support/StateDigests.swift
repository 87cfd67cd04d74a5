import LockstepCore
import LockstepFormats

/// `digest` and `stateDigest` computed again from a snapshot's files, from their definition in `docs/architecture.md`
/// and with no code of the program's but SHA-256 and the reader of safetensors.
struct StateDigests: Equatable {
    let digest: String
    let stateDigest: String
    let parameters: [TensorView]
    let optimizer: [TensorView]

    /// - Parameter snapshot: the directory of a snapshot, beneath that of the test.
    init(_ snapshot: String, in directory: TestDirectory) throws {
        parameters = try Safetensors(parsing: directory.bytes(of: snapshot + "/parameters.safetensors")).tensors
        let other = try Safetensors(parsing: directory.bytes(of: snapshot + "/optimizer.safetensors")).tensors
        guard let position = other.first(where: { $0.name == "position" }) else {
            throw Missing("optimizer.safetensors has no tensor “position”")
        }
        optimizer = other.filter { $0.name != "position" }
        digest = StateDigests.digest(StateDigests.sorted(parameters))
        stateDigest = StateDigests.digest(
            StateDigests.sorted(parameters) + StateDigests.sorted(optimizer) + [position])
    }

    private static func sorted(_ tensors: [TensorView]) -> [TensorView] {
        tensors.sorted { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) }
    }

    private static func digest(_ tensors: [TensorView]) -> String {
        var bytes: [UInt8] = []
        func append(_ number: Int, _ width: Int) { bytes += (0..<width).map { UInt8(number >> (8 * $0) & 0xff) } }
        for tensor in tensors {
            for text in [tensor.name, tensor.type.rawValue] {
                append(text.utf8.count, 4)
                bytes += Array(text.utf8)
            }
            append(tensor.shape.count, 4)
            for extent in tensor.shape { append(extent, 8) }
            bytes += tensor.bytes
        }
        return DigestBuilder.digest(of: bytes).description
    }
}
