internal import CLockstepKernels
internal import LockstepCore
internal import Synchronization

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

/// Threads that do nothing but compute, together with the thread that gives them work: it does a share itself, so that
/// one thread needs nobody to wake. They are no part of Swift's cooperative pool.
final class ComputeThreads {
    private let control: Control
    /// Those beside the caller.
    private var handles: [pthread_t] = []

    /// - Parameters:
    ///   - count: of shares; one less are started.
    ///   - name: thread i is called `<name>-<i>`; share 0 is the caller's.
    /// - Throws: `CommandError.failed` where the machine gives no thread.
    init(count: Int, name: String, work: any ThreadWork) throws {
        control = Control(work: work)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, 8 << 20)
        for index in 1..<max(1, count) {
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

    /// Performs share 0 while the threads perform theirs; returns when all are done. The caller's floating-point
    /// environment is the threads' afterwards.
    func run() {
        precondition(!control.isStopping.load(ordering: .relaxed), "work after the end")
        ls_prepare_thread()
        guard !handles.isEmpty else { return control.work.perform(thread: 0) }
        control.running.store(handles.count, ordering: .relaxed)
        control.round.add(1, ordering: .sequentiallyConsistent)
        control.idle.wake()
        control.work.perform(thread: 0)
        let control = control
        control.caller.wait { control.running.load(ordering: .sequentiallyConsistent) == 0 }
    }

    /// Ends the threads and waits until they are gone.
    func stop() {
        control.isStopping.store(true, ordering: .relaxed)
        control.round.add(1, ordering: .sequentiallyConsistent)
        control.idle.wake()
        for handle in handles { pthread_join(handle, nil) }
        handles = []
    }

    private func failure(_ entry: Unmanaged<Entry>, _ status: Int32) -> CommandError {
        entry.release()
        stop()
        return CommandError.failed("the system gives no more threads (error \(status)); use fewer --threads")
    }

    fileprivate final class Control: Sendable {
        let work: any ThreadWork
        /// One more with each piece of work, and at the end.
        let round = Atomic(0)
        /// Threads that are not done with it.
        let running = Atomic(0)
        let isStopping = Atomic(false)
        let idle = Sleepers()
        let caller = Sleepers()

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
            let control = control
            var seen = 0
            while true {
                control.idle.wait { control.round.load(ordering: .sequentiallyConsistent) != seen }
                if control.isStopping.load(ordering: .relaxed) { return }
                seen += 1
                control.work.perform(thread: index)
                if control.running.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 {
                    control.caller.wake()
                }
            }
        }
    }
}

#if canImport(Darwin)
private func threadMain(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    let entry = Unmanaged<ComputeThreads.Entry>.fromOpaque(context).takeRetainedValue()
    ThreadName.set(entry.name)
    entry.loop()
    return nil
}
#else
private func threadMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    let entry = Unmanaged<ComputeThreads.Entry>.fromOpaque(context).takeRetainedValue()
    ThreadName.set(entry.name)
    entry.loop()
    return nil
}
#endif
