internal import LockstepCluster
internal import LockstepCore
internal import Synchronization

/// The links of a planned generation that are dialled while the one before goes on. When it begins nothing more is dialled
/// here, and what has begun is waited for: to give it up could close a link that the other side has let in already.
final class LinksAhead: Sendable {
    private struct Dial: Hashable {
        let process: ProcessNumber
        let rail: Int
    }

    private struct State {
        var isOver = false
        var begun: [Dial: Task<Void, any Error>] = [:]
    }

    let generation: UInt32
    private let state = Mutex(State())

    init(generation: UInt32) { self.generation = generation }

    /// Dials a member, unless that is over. Cancelled with the task that calls it.
    func dial(
        _ process: ProcessNumber, rail: Int, _ connect: @escaping @Sendable () async throws -> Void
    ) async throws {
        let task = state.withLock { state -> Task<Void, any Error>? in
            guard !state.isOver else { return nil }
            let task = Task { try await connect() }
            state.begun[Dial(process: process, rail: rail)] = task
            return task
        }
        try await withTaskCancellationHandler {
            try await task?.value
        } onCancel: {
            task?.cancel()
        }
    }

    /// Returns when this dial has ended, or where it was never begun.
    func wait(for process: ProcessNumber, rail: Int) async {
        _ = await state.withLock { $0.begun[Dial(process: process, rail: rail)] }?.result
    }

    /// Nothing more is begun: the generation begins.
    func end() { state.withLock { $0.isOver = true } }

    /// Nothing more is begun, and what is not open yet is given up: another generation begins, in which no side has let it in.
    func cancel() {
        let begun = state.withLock { state in
            state.isOver = true
            return Array(state.begun.values)
        }
        for dial in begun { dial.cancel() }
    }
}
