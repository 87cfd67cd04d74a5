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

    /// - Parameter items: such as `kill=20:backward:w1`, and settings such as `deadlines=50`. With `slow=20:load:w0` the run
    ///   makes four steps a second from then on until `proceed()`, so that it is not over too early on a busy machine.
    init(_ items: [String], in directory: TestDirectory, notes name: String = "faults") throws {
        notes = directory[name]
        names = items.filter { $0.contains(":") && !$0.hasPrefix("slow=") }.map {
            $0.map { "=:".contains($0) ? "-" : String($0) }.joined()
        }
        try FileManager.default.createDirectory(atPath: notes, withIntermediateDirectories: true)
        environment = ["LOCKSTEP_FAILPOINTS": (items + ["once=\(notes)"]).joined(separator: ",")]
    }

    /// Ends the waiting of `slow=STEP:POINT:WHO`: what the test has waited for has happened.
    func proceed() throws {
        try Data().write(to: URL(fileURLWithPath: notes + "/proceed"))
    }

    /// Those that have not happened, which must be none where a test is to mean anything.
    var missing: [String] {
        let happened = (try? FileManager.default.contentsOfDirectory(atPath: notes)) ?? []
        return names.filter { !happened.contains($0) }
    }
}
