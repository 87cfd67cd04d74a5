internal import Synchronization

/// The last lines that a process wrote, for the verdict.
final class LineRing: Sendable {
    private let lines = Mutex<[String]>([])
    private let capacity: Int

    init(capacity: Int = 8) { self.capacity = capacity }

    var all: [String] { lines.withLock { $0 } }

    func append(_ line: String) {
        lines.withLock {
            $0.append(line)
            if $0.count > capacity { $0.removeFirst() }
        }
    }
}
