internal import Synchronization

/// Whether a run ends, readable from any thread: nobody is started any more then.
final class RunEnding: Sendable {
    private let flag = Atomic<Bool>(false)

    var hasBegun: Bool { flag.load(ordering: .relaxed) }

    func begin() { flag.store(true, ordering: .relaxed) }
}
