package import CLockstepKernels
internal import LockstepCore

/// One variant of the arithmetic. All variants give the same bits, so the choice is never part of a job.
// Safe to share: the table is constant and lives as long as the process.
package struct Kernels: @unchecked Sendable {
    package let table: UnsafePointer<ls_kernels>

    /// Every name that some CPU can run.
    package static let knownNames = ["avx512", "avx2", "neon", "generic"]

    private init(table: UnsafePointer<ls_kernels>) { self.table = table }

    /// The variant of that name, or nil where it is unknown or this CPU cannot run it.
    package init?(named name: String) {
        guard let table = ls_kernels_named(name) else { return nil }
        self.init(table: table)
    }

    /// The fastest variant of this CPU.
    package static func best() -> Kernels { Kernels(table: ls_kernels_best()) }

    /// The variant that `LOCKSTEP_ISA` forces, or the fastest one.
    ///
    /// - Throws: `CommandError.usage` where the name is unknown or this CPU cannot run it.
    package static func selected(environment: [String: String]) throws -> Kernels {
        guard let name = environment["LOCKSTEP_ISA"], !name.isEmpty else { return best() }
        if let kernels = Kernels(named: name) { return kernels }
        let runnable = knownNames.filter { Kernels(named: $0) != nil }.joined(separator: ", ")
        let reason =
            knownNames.contains(name) ? "this CPU cannot run '\(name)'" : "'\(name.escapedForDisplay())' is unknown"
        throw CommandError.usage("LOCKSTEP_ISA: \(reason); this CPU runs \(runnable); unset it for the fastest")
    }

    /// "avx512", "avx2", "neon" or "generic".
    package var name: String { String(cString: table.pointee.name) }
}

extension Kernels {
    /// The sine of one number, with the same bits on every machine.
    package func sine(_ x: Float) -> Float {
        var argument = x
        var result: Float = 0
        table.pointee.sin(1, &argument, &result)
        return result
    }

    /// Makes outputs probabilities, in place: each row sums to 1.
    package func softmax(rows: Int, count: Int, _ values: UnsafeMutablePointer<Float>) {
        table.pointee.softmax(rows, count, values, values)
    }

    /// Makes logits probabilities, in place, each by itself.
    package func sigmoid(count: Int, _ values: UnsafeMutablePointer<Float>) {
        table.pointee.activation(LS_SIGMOID, 0, count, values, values)
    }
}
