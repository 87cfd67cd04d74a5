import LockstepTestSupport
import Subprocess

#if canImport(System)
import System
#else
import SystemPackage
#endif

/// A process that was started and may still run. All that it writes is kept, line by line.
final class RunningProcess: Sendable, CustomStringConvertible {
    struct State: Sendable {
        var processIdentifier: Int32?
        var output: [String] = []
        var errors: [String] = []
        var end: Outcome.End?
        /// Why it could not be run.
        var failure: String?
    }

    /// Long enough for a busy machine; only a test that fails waits so long.
    static let patience = Patience.duration

    let command: String
    private let state = Observed(State())

    /// Starts `lockstep` with these arguments.
    ///
    /// - Parameters:
    ///   - directory: its current directory.
    ///   - environment: beside what this process has.
    ///   - executable: another program than `lockstep`.
    init(
        _ arguments: [String], in directory: String, environment: [String: String] = [:],
        executable: String = ExecutablePath.lockstep
    ) {
        command = (environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } + ["lockstep"] + arguments)
            .joined(separator: " ")
        var inherited = Environment.inherit.updating(["LOCKSTEP_ISA": nil, "LOCKSTEP_FAILPOINTS": nil])
        for (key, value) in environment {
            inherited = inherited.updating([Environment.Key(stringLiteral: key): value])
        }
        Task(executorPreference: OwnThreads.executables) { [state, inherited] in
            do {
                let result = try await Subprocess.run(
                    .path(FilePath(executable)), arguments: Arguments(arguments), environment: inherited,
                    workingDirectory: FilePath(directory), input: .none, output: .sequence, error: .sequence
                ) { execution in
                    let number = execution.processIdentifier.value
                    state.change { $0.processIdentifier = number }
                    async let errors: Void = {
                        for try await line in execution.standardError.strings() {
                            state.change { $0.errors.append(RunningProcess.trimmed(line)) }
                        }
                    }()
                    for try await line in execution.standardOutput.strings() {
                        state.change { $0.output.append(RunningProcess.trimmed(line)) }
                    }
                    try await errors
                }
                let end: Outcome.End =
                    switch result.terminationStatus {
                    case .exited(let code): .exited(code)
                    case .signaled(let number): .signaled(number)
                    }
                state.change { $0.end = end }
            } catch {
                state.change { $0.failure = "\(error)" }
            }
        }
    }

    private static func trimmed(_ line: String) -> String { line.hasSuffix("\n") ? String(line.dropLast()) : line }

    var description: String {
        let now = state.value
        let end = now.failure ?? now.end.map { "\($0)" } ?? "running as process \(now.processIdentifier ?? 0)"
        return Outcome.transcript(command, end, now.output, now.errors)
    }

    var hasEnded: Bool { state.value.end != nil }
    var output: [String] { state.value.output }
    var errors: [String] { state.value.errors }

    /// Its number, as soon as it has one.
    func processIdentifier() async throws -> Int32 {
        try await wait(for: "a process") { $0.processIdentifier }
    }

    /// Its end; a test fails that waits for it longer than `limit`.
    func outcome(within limit: Duration = patience) async throws -> Outcome {
        try await wait(for: "the end of the process", within: limit) { [command] state in
            state.end.map { Outcome(command: command, end: $0, output: state.output, errors: state.errors) }
        }
    }

    /// The first line of standard error with `text` in it.
    func errorLine(containing text: String, within limit: Duration = patience) async throws -> String {
        try await wait(for: "a line with “\(text)” on standard error", within: limit) { state in
            state.errors.first { $0.contains(text) }
        }
    }

    /// The first line of standard output with `text` in it.
    func outputLine(containing text: String, within limit: Duration = patience) async throws -> String {
        try await wait(for: "a line with “\(text)” on standard output", within: limit) { state in
            state.output.first { $0.contains(text) }
        }
    }

    /// Sends a signal, where the process still runs.
    func signal(_ number: Int32) async throws {
        let processIdentifier = try await processIdentifier()
        guard !hasEnded else { return }
        Signal.send(number, to: processIdentifier)
    }

    private func wait<Found: Sendable>(
        for what: String, within limit: Duration = patience, _ look: (State) -> Found?
    ) async throws -> Found {
        let found = await state.first(within: limit) { state -> Result<Found, Missing>? in
            if let found = look(state) { return .success(found) }
            guard state.end != nil || state.failure != nil else { return nil }
            return .failure(Missing("\(what) never came:\n\(self)"))
        }
        guard let found else { throw Missing("\(what) did not come within \(limit):\n\(self)") }
        return try found.get()
    }
}
