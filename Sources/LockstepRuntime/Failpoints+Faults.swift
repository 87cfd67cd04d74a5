#if LOCKSTEP_FAILPOINTS
internal import LockstepCluster
internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The faults of this process.
extension Failpoints {
    static let current = Failpoints(getenv("LOCKSTEP_FAILPOINTS").map { String(cString: $0) } ?? "")

    /// The names of what has happened in this process.
    private static let happened = Mutex<Set<String>>([])

    /// The process has come to a point, on any thread: what is planned there happens.
    ///
    /// - Parameters:
    ///   - step: the one in hand; where there is none, the last one done.
    ///   - process: the worker's name, or `coordinator`.
    ///   - dropLinks: cuts the links to other workers.
    func pass(_ point: Point, step: UInt32, _ process: String, dropLinks: () -> Void = {}) {
        for item in planned where item.point == point && item.process == process && step >= item.step {
            guard item.fault == .slow || isFirst(item.name) else { continue }
            switch item.fault {
            case .exit: _exit(70)
            case .kill: kill(getpid(), SIGKILL)
            case .stop: kill(getpid(), SIGSTOP)
            case .hang: while true { sleep(1000) }
            case .dropLinks: dropLinks()
            case .slow: dawdle()
            }
        }
    }

    private func dawdle() {
        guard let notes else { return }
        for _ in 0..<25 {
            if access("\(notes)/proceed", F_OK) == 0 { return }
            usleep(10_000)
        }
    }

    /// The coordinator sends a message.
    ///
    /// - isSent: whether it has gone out, or is about to.
    func pass(_ message: ControlMessage, step: UInt32, isSent: Bool) {
        switch message {
        case .freeze where isSent: pass(.stopping, step: step, "coordinator")
        case .start: pass(isSent ? .starting : .deciding, step: step, "coordinator")
        default: break
        }
    }

    /// Whether a fault of that name has not happened yet; from now on it has.
    func isFirst(_ name: String) -> Bool {
        guard Failpoints.happened.withLock({ $0.insert(name).inserted }) else { return false }
        guard let notes else { return true }
        let descriptor = open("\(notes)/\(name)", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        close(descriptor)
        return true
    }
}
#endif
