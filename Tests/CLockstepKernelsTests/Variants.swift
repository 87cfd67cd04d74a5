import CLockstepKernels
import Testing

/// The variants that this machine can run.
enum Variants {
    static let names: [String] = ["avx512", "avx2", "neon", "generic"].filter { ls_kernels_named($0) != nil }

    static func table(_ name: String) throws -> ls_kernels {
        ls_prepare_thread()
        return try #require(ls_kernels_named(name)).pointee
    }
}

/// Memory for kernels: aligned to 64 bytes, with guard elements on both sides that must stay as they are.
final class Buffer {
    let count: Int
    private let storage: UnsafeMutablePointer<Float>
    private static let guardCount = 16
    private static let guardValue: Float = 12345.678

    init(_ count: Int) {
        self.count = count
        let all = count + 2 * Buffer.guardCount
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: all * 4, alignment: 64)
        storage = bytes.bindMemory(to: Float.self, capacity: all)
        storage.initialize(repeating: Buffer.guardValue, count: all)
    }

    convenience init(_ values: [Float]) {
        self.init(values.count)
        for index in values.indices { pointer[index] = values[index] }
    }

    deinit { UnsafeMutableRawPointer(storage).deallocate() }

    var pointer: UnsafeMutablePointer<Float> { storage + Buffer.guardCount }
    var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
    var guardsAreIntact: Bool {
        (0..<Buffer.guardCount).allSatisfy {
            storage[$0] == Buffer.guardValue && pointer[count + $0] == Buffer.guardValue
        }
    }
}

/// Whether nothing was written around any of `buffers`.
func guardsAreIntact(_ buffers: Buffer...) -> Bool { buffers.allSatisfy { $0.guardsAreIntact } }

/// SplitMix64, and numbers for tests from it.
struct TestGenerator: RandomNumberGenerator {
    let seed: UInt64
    private var state: UInt64

    /// A new seed for each run; `LOCKSTEP_TEST_SEED` repeats one.
    init(_ purpose: String) {
        self.init(purpose, seed: UInt64.random(in: 0...UInt64(UInt32.max)))
    }

    init(_ purpose: String, seed: UInt64) {
        self.seed = testEnvironmentSeed() ?? seed
        self.state = self.seed
        print("\(purpose): seed \(self.seed) (LOCKSTEP_TEST_SEED=\(self.seed) repeats it)")
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func integer(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    /// Numbers around 1 of both signs; one in `special` of them is a zero, a subnormal, huge, infinite or NaN.
    mutating func floats(_ count: Int, special: Int = 0) -> [Float] {
        let specials: [Float] = [0, -0.0, 0x1p-133, -0x1p-140, .infinity, -.infinity, .nan, 3e38, -3e38, 1.2e-38]
        var values: [Float] = []
        values.reserveCapacity(count)
        for _ in 0..<count {
            let word = next()
            if special > 0, Int(word % UInt64(special)) == 0 {
                values.append(specials[Int(word >> 33) % specials.count])
            } else {
                values.append(Float(Int64(bitPattern: word) >> 40) * 0x1p-22)
            }
        }
        return values
    }

    /// lanes + 1 starts, some lanes without rows.
    mutating func laneStarts(_ lanes: Int, upTo rows: Int) -> [UInt32] {
        var starts: [UInt32] = [UInt32(integer(0...2))]
        for _ in 0..<lanes {
            starts.append(starts[starts.count - 1] + UInt32(integer(0...3) == 0 ? 0 : integer(0...rows)))
        }
        return starts
    }
}

/// Where two results differ first in their bits; nil where they agree. A NaN equals any NaN.
func firstDifference(_ expected: [Float], _ found: [Float]) -> String? {
    guard expected.count == found.count else { return "\(expected.count) elements and \(found.count)" }
    for index in expected.indices {
        let a = expected[index], b = found[index]
        if a.bitPattern != b.bitPattern, !(a.isNaN && b.isNaN) { return "[\(index)]: \(a) and \(b)" }
    }
    return nil
}

extension ls_epilogue {
    init(bias: UnsafeMutablePointer<Float>?, isRelu: Bool) {
        self.init()
        self.bias = UnsafePointer(bias)
        activation = isRelu ? LS_RELU : LS_NO_ACTIVATION
    }
}
