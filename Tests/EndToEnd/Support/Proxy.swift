import Foundation
import Synchronization

/// Passes connections on to a port of this machine, until it holds back what comes, or cuts them.
final class Proxy: Sendable {
    /// A direction of the connections.
    enum Direction: CaseIterable {
        case toTarget
        case fromTarget
    }

    let port: Int
    private let listener: TCPListener
    /// Called for all that passes: the number of the stream, each direction by itself, and what came.
    private let observe: @Sendable (Int, [UInt8]) -> Void
    private let streamCount = Mutex(0)
    private let open = Mutex<[TCPConnection]>([])
    /// Guards `held`.
    private let gate = NSCondition()
    // Safe: read and changed under `gate` only.
    private nonisolated(unsafe) var held: Set<Direction> = []

    init(to target: Int, observe: @escaping @Sendable (Int, [UInt8]) -> Void = { _, _ in }) throws {
        self.observe = observe
        listener = try TCPListener()
        port = listener.port
        // Reads and writes block, which no task may.
        Thread.detachNewThread { [listener, weak self] in
            while let near = listener.accept() {
                guard let self, let far = try? TCPConnection(to: target) else { continue }
                self.open.withLock { $0 += [near, far] }
                self.pass(from: near, to: far, .toTarget)
                self.pass(from: far, to: near, .fromTarget)
            }
        }
    }

    deinit { listener.stop() }

    /// From now on nothing arrives, and nobody is told: as on a link that drops all packets.
    func hold(_ directions: Set<Direction> = Set(Direction.allCases)) {
        gate.lock()
        held = directions
        gate.unlock()
    }

    /// What was held back arrives, as on a link that is mended.
    func release() {
        gate.lock()
        held = []
        gate.broadcast()
        gate.unlock()
    }

    /// Breaks all connections, seen by both ends. New ones are passed on.
    func cut() {
        for connection in open.withLock({ open in
            defer { open = [] }
            return open
        }) {
            connection.abort()
        }
    }

    private func pass(from source: TCPConnection, to target: TCPConnection, _ direction: Direction) {
        let number = streamCount.withLock { count in
            count += 1
            return count - 1
        }
        Thread.detachNewThread { [weak self] in
            while case let bytes = source.receive(), !bytes.isEmpty {
                self?.waitWhileHeld(direction)
                self?.observe(number, bytes)
                guard target.send(bytes) else { break }
            }
            self?.waitWhileHeld(direction)
            target.finishSending()
        }
    }

    private func waitWhileHeld(_ direction: Direction) {
        gate.lock()
        while held.contains(direction) { gate.wait() }
        gate.unlock()
    }
}
