internal import CLockstepKernels
internal import LockstepCore

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// Work that several threads share.
protocol ThreadWork: AnyObject, Sendable {
    /// The share of one thread. Must not allocate in the steady state.
    func perform(thread: Int)
}

/// Threads that do nothing but compute. They are no part of Swift's cooperative pool and sleep between two pieces of
/// work.
final class ComputeThreads {
    private let control: Control
    private var handles: [pthread_t] = []

    /// - Parameter name: thread i is called `<name>-<i>`.
    /// - Throws: `CommandError.failed` where the machine gives no thread.
    init(count: Int, name: String, work: any ThreadWork) throws {
        control = Control(work: work)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, 8 << 20)
        for index in 0..<count {
            let entry = Unmanaged.passRetained(Entry(control: control, index: index, name: "\(name)-\(index)"))
            #if canImport(Darwin)
            var handle: pthread_t?
            #else
            var handle = pthread_t()
            #endif
            let status = pthread_create(&handle, &attributes, threadMain, entry.toOpaque())
            #if canImport(Darwin)
            guard status == 0, let handle else { throw failure(entry, status) }
            #else
            guard status == 0 else { throw failure(entry, status) }
            #endif
            handles.append(handle)
        }
    }

    deinit { stop() }

    /// Has every thread perform its share, and waits for all of them.
    func run() {
        let monitor = control.monitor
        monitor.lock()
        precondition(!control.isStopping, "work after the end")
        control.round += 1
        control.running = handles.count
        monitor.broadcast()
        while control.running > 0 { monitor.wait() }
        monitor.unlock()
    }

    /// Ends the threads and waits until they are gone.
    func stop() {
        control.monitor.lock()
        control.isStopping = true
        control.monitor.broadcast()
        control.monitor.unlock()
        for handle in handles { pthread_join(handle, nil) }
        handles = []
    }

    private func failure(_ entry: Unmanaged<Entry>, _ status: Int32) -> CommandError {
        entry.release()
        stop()
        return CommandError.failed("the system gives no more threads (error \(status)); use fewer --threads")
    }

    // Safe to share: everything that changes is guarded by the monitor.
    fileprivate final class Control: @unchecked Sendable {
        let monitor = Monitor()
        let work: any ThreadWork
        var round = 0
        var running = 0
        var isStopping = false

        init(work: any ThreadWork) { self.work = work }
    }

    fileprivate final class Entry: Sendable {
        let control: Control
        let index: Int
        let name: String

        init(control: Control, index: Int, name: String) {
            self.control = control
            self.index = index
            self.name = name
        }

        func loop() {
            ls_prepare_thread()
            let monitor = control.monitor
            let work = control.work
            var seen = 0
            monitor.lock()
            while true {
                while control.round == seen, !control.isStopping { monitor.wait() }
                if control.isStopping { break }
                seen = control.round
                monitor.unlock()
                work.perform(thread: index)
                monitor.lock()
                control.running -= 1
                if control.running == 0 { monitor.broadcast() }
            }
            monitor.unlock()
        }
    }
}

#if canImport(Darwin)
private func threadMain(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    let entry = Unmanaged<ComputeThreads.Entry>.fromOpaque(context).takeRetainedValue()
    pthread_setname_np(entry.name)
    entry.loop()
    return nil
}
#else
private func threadMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    let entry = Unmanaged<ComputeThreads.Entry>.fromOpaque(context).takeRetainedValue()
    nameThisThread(entry.name)
    entry.loop()
    return nil
}

/// Names the calling thread for tools and logs. The C library's function for it is not visible to Swift.
private func nameThisThread(_ name: String) {
    let file = open("/proc/thread-self/comm", O_WRONLY)
    guard file >= 0 else { return }
    _ = Array(name.utf8.prefix(15)).withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
    close(file)
}
#endif
