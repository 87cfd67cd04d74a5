import LockstepCore
import LockstepFormats
import LockstepSnapshots
import Testing

@Suite struct TensorDigestTests {
    private let state = StateSnapshot(
        parameters: [
            TensorView(name: "b.weight", shape: [2, 2], floats: [1, 2, 3, -0.0]),
            TensorView(name: "a.bias", shape: [], floats: [0.5]),
            TensorView(name: "ü", shape: [0], floats: []),
            TensorView(name: "Z", shape: [1], floats: [.greatestFiniteMagnitude]),
        ],
        optimizer: [
            TensorView(name: "exp_avg_sq.Z", shape: [1], floats: [4]),
            TensorView(name: "exp_avg.Z", shape: [1], floats: [3]),
        ],
        position: TrainingPosition(step: 200, epoch: 2, samplesDone: 384))

    /// The same digest from safetensors files, written independently; `change` spoils it for canaries.
    private func recomputed(_ files: [[UInt8]], change: (inout [UInt8]) -> Void = { _ in }) throws -> Digest {
        var message: [UInt8] = []
        func append(_ number: Int, bytes: Int) {
            for byte in 0..<bytes { message.append(UInt8(number >> (8 * byte) & 255)) }
        }
        for file in files {
            let length = file[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
            let header = try JSONValue(parsing: file[8..<8 + length])
            let names = (header.object?.members ?? []).map { Array($0.key.utf8) }
            for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) where name != Array("__metadata__".utf8)
            {
                let entry = try #require(header[String(decoding: name, as: UTF8.self)])
                let type = try #require(entry["dtype"]?.string)
                let shape = try #require(entry["shape"]?.array).compactMap(\.int)
                let offsets = try #require(entry["data_offsets"]?.array).compactMap(\.int)
                append(name.count, bytes: 4)
                message += name
                append(type.utf8.count, bytes: 4)
                message += Array(type.utf8)
                append(shape.count, bytes: 4)
                for extent in shape { append(extent, bytes: 8) }
                message += file[8 + length + offsets[0]..<8 + length + offsets[1]]
            }
        }
        change(&message)
        return DigestBuilder.digest(of: message)
    }

    @Test func equalsTheDigestOfTheFiles() throws {
        let parameters = try Safetensors(tensors: state.parameters).encoded()
        let optimizer = try Safetensors(tensors: state.optimizer).encoded()
        let position = try Safetensors(tensors: [state.position.tensor]).encoded()
        #expect(try recomputed([parameters]) == state.digest)
        #expect(try recomputed([parameters, optimizer, position]) == state.stateDigest)
        #expect(try recomputed([optimizer, parameters, position]) != state.stateDigest)
        #expect(try recomputed([parameters]) { $0[3] ^= 1 } != state.digest)
    }

    /// What the lines of Python in the README print for this state.
    @Test func isWhatPythonComputes() {
        #expect(state.digest.description == "a89f7a71cefa5a523cf16d395e8ebcd2ea0fd518faa29f1d057bee28f94fdb7f")
        #expect(state.stateDigest.description == "b0d93e3221104bccd329dd2641b246a1c997f22b2c9d29119641dc47d69efc90")
    }

    @Test func everythingCounts() throws {
        var digests: Set<Digest> = [state.digest]
        func changed(_ change: (inout StateSnapshot) -> Void) {
            var other = state
            change(&other)
            #expect(digests.insert(other.digest).inserted)
        }
        changed { $0.parameters[0] = TensorView(name: "b.weight", shape: [4], floats: [1, 2, 3, -0.0]) }
        changed { $0.parameters[0] = TensorView(name: "b.weight", shape: [2, 2], floats: [1, 2, 3, 0]) }
        changed { $0.parameters[1] = TensorView(name: "a.bia", shape: [], floats: [0.5]) }
        changed { $0.parameters[1] = TensorView(name: "a.bias", shape: [1], floats: [0.5]) }
        changed { $0.parameters.removeLast() }
        changed { $0.parameters.remove(at: 2) }

        var other = state
        other.parameters.reverse()
        other.optimizer.reverse()
        #expect(other.digest == state.digest && other.stateDigest == state.stateDigest)
        other.position.samplesDone += 1
        #expect(other.digest == state.digest && other.stateDigest != state.stateDigest)
        other = state
        other.optimizer[0] = TensorView(name: "exp_avg_sq.Z", shape: [1], floats: [5])
        #expect(other.digest == state.digest && other.stateDigest != state.stateDigest)
    }
}
