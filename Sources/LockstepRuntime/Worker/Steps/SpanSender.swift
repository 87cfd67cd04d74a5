internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepWire
internal import NIOCore
internal import Synchronization

/// A worker's way for spans to its coordinator. Who posts never waits: what does not fit is dropped and counted.
final class SpanSender: Sendable {
    /// Lines that may wait for the connection.
    private static let mostWaiting = 256

    private let lines: AsyncStream<ByteBuffer>
    private let continuation: AsyncStream<ByteBuffer>.Continuation
    private let drops = Atomic(0)
    private let isRunning = Atomic(false)
    private let (end, ending) = AsyncStream.makeStream(of: Never.self)

    init() {
        (lines, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(SpanSender.mostWaiting))
    }

    /// Lines that nobody will see.
    var dropped: Int { drops.load(ordering: .relaxed) }

    /// Posts one line of OTLP JSON.
    func post(_ line: ByteBuffer) {
        if case .enqueued = continuation.yield(line) { return }
        drops.add(1, ordering: .relaxed)
    }

    /// Sends what was posted and will be. Once.
    ///
    /// - Parameter send: sends a line; false where there is no connection to send it on.
    func run(_ send: (ByteBuffer) async -> Bool) async {
        isRunning.store(true, ordering: .relaxed)
        defer { ending.finish() }
        for await line in lines {
            if await !send(line) { drops.add(1, ordering: .relaxed) }
        }
    }

    /// Takes nothing more, and waits until what waits has gone out, but not longer than `limit`.
    func drain(atMost limit: Duration) async {
        continuation.finish()
        guard isRunning.load(ordering: .relaxed) else { return }
        await withTaskGroup(of: Void.self) { [end] group in
            group.addTask { for await _ in end {} }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
    }
}
