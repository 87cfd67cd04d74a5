internal import LockstepCore
internal import LockstepEngine

/// Times pieces of work in turn with the core's limit, so that a share is one of the same moment.
struct BenchRuns {
    /// The best found: floating-point operations a nanosecond, of the core and of each work.
    private(set) var limit = 0.0
    private(set) var rates: [Double]

    private static let rounds = 7
    /// What one timing lasts at least, in nanoseconds.
    private static let shortest: UInt64 = 1_500_000

    /// - Parameters:
    ///   - operations: floating-point operations of one run of any work.
    ///   - works: called with the number of the work.
    init(_ kernels: Kernels, operations: Double, works: Int, run: (Int) -> Void) {
        rates = [Double](repeating: 0, count: works)
        var repetitions = [Int](repeating: 1, count: works)
        for round in 0..<BenchRuns.rounds {
            limit = max(limit, CoreLimit.gigaflops(kernels))
            for work in 0..<works {
                run(work)
                let start = ThreadClock.nanoseconds()
                for _ in 0..<repetitions[work] { run(work) }
                let time = max(1, ThreadClock.nanoseconds() - start)
                rates[work] = max(rates[work], operations * Double(repetitions[work]) / Double(time))
                if round == 0 { repetitions[work] = max(1, Int(BenchRuns.shortest / time)) }
            }
        }
    }

    /// The text with spaces before it.
    static func padded(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}

extension Kernels {
    /// The variant called `name`, or what `LOCKSTEP_ISA` says.
    ///
    /// - Throws: `CommandError.usage` where the name is unknown or this CPU cannot run it.
    static func forBench(_ name: String?) throws -> Kernels {
        guard let name else { return try Launch.checkInstructionSet() }
        if let kernels = Kernels(named: name) { return kernels }
        let runnable = knownNames.filter { Kernels(named: $0) != nil }.joined(separator: ", ")
        throw CommandError.usage("--isa '\(name.escapedForDisplay())': this CPU runs \(runnable)")
    }
}

/// Floats for a bench: some numbers around 0.
final class BenchFloats {
    let pointer: UnsafeMutablePointer<Float>

    init(_ count: Int) {
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(1, count) * 4, alignment: 4096)
        pointer = bytes.bindMemory(to: Float.self, capacity: max(1, count))
        for index in 0..<count { pointer[index] = Float(index &* 7919 % 2001 - 1000) * 0x1p-10 }
    }

    deinit { UnsafeMutableRawPointer(pointer).deallocate() }
}
