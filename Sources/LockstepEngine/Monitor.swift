#if canImport(Darwin)
internal import Darwin
#elseif canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// A lock with a condition to wait for.
// Safe to share: both are made for it, and their memory never moves.
final class Monitor: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func lock() { pthread_mutex_lock(mutex) }
    func unlock() { pthread_mutex_unlock(mutex) }
    /// Sleeps until a broadcast; the lock is held before and after. Wakes without reason too.
    func wait() { pthread_cond_wait(condition, mutex) }
    func broadcast() { pthread_cond_broadcast(condition) }
}

/// A place where `count` threads wait for each other.
// Safe to share: everything that changes is guarded by the monitor.
final class Barrier: @unchecked Sendable {
    private let monitor = Monitor()
    private let count: Int
    private var arrived = 0
    private var round = 0

    init(count: Int) { self.count = count }

    func wait() {
        guard count > 1 else { return }
        monitor.lock()
        let current = round
        arrived += 1
        if arrived == count {
            arrived = 0
            round += 1
            monitor.broadcast()
        } else {
            while round == current { monitor.wait() }
        }
        monitor.unlock()
    }
}
