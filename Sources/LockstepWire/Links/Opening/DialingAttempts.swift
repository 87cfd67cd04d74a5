internal import NIOCore
internal import Synchronization

/// The connections of one dialling that are not open yet, so that it can be broken off: one for each address of a host.
final class DialingAttempts: Sendable {
    private struct State {
        var channels: [any Channel] = []
        var isCancelled = false
    }

    private let state = Mutex(State())

    /// - Throws: `CancellationError` where the dialling was broken off.
    func add(_ channel: any Channel) throws {
        try state.withLock { state in
            guard !state.isCancelled else { throw CancellationError() }
            state.channels.append(channel)
        }
    }

    func cancel() {
        let channels = state.withLock { state in
            state.isCancelled = true
            return state.channels
        }
        for channel in channels { channel.close(promise: nil) }
    }
}
