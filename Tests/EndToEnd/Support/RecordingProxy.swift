import Foundation
import Synchronization

/// Passes connections on to a port of this machine and keeps all that goes through, each direction by itself.
final class RecordingProxy: Sendable {
    let port: Int
    private let listener: TCPListener
    private let recorded = Mutex<[[UInt8]]>([])

    init(to target: Int) throws {
        listener = try TCPListener()
        port = listener.port
        // Reads and writes block, which no task may.
        Thread.detachNewThread { [listener, weak self] in
            while let near = listener.accept() {
                guard let self, let far = try? TCPConnection(to: target) else { continue }
                self.pass(from: near, to: far)
                self.pass(from: far, to: near)
            }
        }
    }

    deinit { listener.stop() }

    var streams: [[UInt8]] { recorded.withLock { $0 } }

    var byteCount: Int { streams.reduce(0) { $0 + $1.count } }

    private func pass(from source: TCPConnection, to target: TCPConnection) {
        let index = recorded.withLock { recorded in
            recorded.append([])
            return recorded.count - 1
        }
        Thread.detachNewThread { [weak self] in
            while case let bytes = source.receive(), !bytes.isEmpty {
                self?.recorded.withLock { $0[index] += bytes }
                guard target.send(bytes) else { break }
            }
            target.finishSending()
        }
    }
}
