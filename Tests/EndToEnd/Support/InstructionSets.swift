import LockstepTestSupport

/// The instruction sets that this CPU runs, learned as a user would: the refusal of an unknown one lists them.
enum InstructionSets {
    static var ofThisMachine: [String] {
        get async throws { try await listed.value }
    }

    private static let listed = Task(executorPreference: OwnThreads.executables) {
        let process = RunningProcess(["train", "none.yaml"], in: "/", environment: ["LOCKSTEP_ISA": "unknown"])
        let text = try await process.outcome().errorText
        return ["avx512", "avx2", "neon", "generic"].filter { text.contains($0) }
    }
}
