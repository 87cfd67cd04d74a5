#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What processes of a test do to themselves, each fault once however many processes hear of it.
struct PlannedFaults {
    /// What to give to the processes.
    let environment: [String: String]
    private let notes: String
    private let names: [String]

    /// - Parameter items: such as `kill=20:backward:w1`, and settings such as `deadlines=50`.
    init(_ items: [String], in directory: TestDirectory) throws {
        notes = directory["faults"]
        names = items.filter { $0.contains(":") }.map {
            $0.map { "=:".contains($0) ? "-" : String($0) }.joined()
        }
        try FileManager.default.createDirectory(atPath: notes, withIntermediateDirectories: true)
        environment = ["LOCKSTEP_FAILPOINTS": (items + ["once=\(notes)"]).joined(separator: ",")]
    }

    /// Those that have not happened, which must be none where a test is to mean anything.
    var missing: [String] {
        let happened = (try? FileManager.default.contentsOfDirectory(atPath: notes)) ?? []
        return names.filter { !happened.contains($0) }
    }
}
