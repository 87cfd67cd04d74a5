import Foundation
import LockstepFormats
import Testing

/// Tensors that PyTorch has made: `Tests/Scripts/torch-fixtures.py` writes the files.
struct PyTorchFixture {
    // Looked up by name only.
    private let tensors: [String: TensorView]

    init(_ name: String) throws {
        let tests = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent()
        let bytes = try Data(contentsOf: tests.appending(path: "Fixtures/PyTorch/\(name).safetensors"))
        tensors = Dictionary(
            uniqueKeysWithValues: try Safetensors(parsing: Array(bytes)).tensors.map { ($0.name, $0) })
    }

    func has(_ name: String) -> Bool { tensors[name] != nil }

    /// What follows `prefix` in the names that begin with it, in order.
    func names(behind prefix: String) -> [String] {
        tensors.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }.sorted()
    }

    func shape(_ name: String) throws -> [Int] { try tensor(name).shape }

    func floats(_ name: String) throws -> [Float] { try #require(try tensor(name).floats, "\(name)") }

    func doubles(_ name: String) throws -> [Double] { try #require(try tensor(name).doubles, "\(name)") }

    /// The elements as words: classes, or the bits of floats.
    func words(_ name: String) throws -> [UInt32] {
        let tensor = try tensor(name)
        if let floats = tensor.floats { return floats.map(\.bitPattern) }
        return try (0..<tensor.count).map {
            UInt32(bitPattern: Int32(try #require(tensor.int(at: $0), "\(name)")))
        }
    }

    private func tensor(_ name: String) throws -> TensorView { try #require(tensors[name], "\(name)") }
}

/// How far numbers are from PyTorch's: the largest |own − expected| relative to the expected number or, where that is
/// smaller, to the typical size of them all or to `least`.
func distance(_ own: [Float], _ expected: [Float], least: Double = 0) -> Double {
    guard own.count == expected.count, own.allSatisfy(\.isFinite) else { return .infinity }
    let typical = max(least, typicalSize(expected))
    return zip(own, expected).reduce(0.0) { worst, pair in
        let difference = abs(Double(pair.0) - Double(pair.1))
        return difference == 0 ? worst : max(worst, difference / max(typical, abs(Double(pair.1))))
    }
}

/// The root of the mean square.
func typicalSize(_ numbers: [Float]) -> Double {
    (numbers.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(1, numbers.count))).squareRoot()
}
