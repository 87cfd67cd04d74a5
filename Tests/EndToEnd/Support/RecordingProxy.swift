import Synchronization

/// Passes connections on to a port of this machine and keeps all that goes through, each direction by itself.
final class RecordingProxy: Sendable {
    private final class Recording: Sendable {
        let streams = Mutex<[[UInt8]]>([])

        func append(_ bytes: [UInt8], to number: Int) {
            streams.withLock { streams in
                while streams.count <= number { streams.append([]) }
                streams[number] += bytes
            }
        }
    }

    private let proxy: Proxy
    private let recording = Recording()

    init(to target: Int) throws {
        proxy = try Proxy(to: target) { [recording] number, bytes in recording.append(bytes, to: number) }
    }

    var port: Int { proxy.port }

    var streams: [[UInt8]] { recording.streams.withLock { $0 } }

    var byteCount: Int { streams.reduce(0) { $0 + $1.count } }
}
