internal import LockstepCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Threads that may wait and compute, which neither event loops nor the cooperative pool may.
package enum DetachedThread {
    private final class Box {
        let name: String
        let policy: ThreadPolicy
        let body: @Sendable () -> Void

        init(_ name: String, _ policy: ThreadPolicy, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.policy = policy
            self.body = body
        }

        func run() {
            ThreadName.set(name)
            policy.apply()
            body()
        }
    }

    /// Room for the kernels, on every system the same.
    private static let stackBytes = 8 << 20

    /// Performs `body` on a thread of its own and waits for it.
    ///
    /// - Throws: what `body` throws; `CommandError` where the system has no thread left.
    package static func perform<Value: Sendable>(
        _ name: String, _ body: @escaping @Sendable () throws -> Value
    ) throws -> Value {
        let result = Mailbox<Result<Value, any Error>>()
        try start(name) { result.post(Result(catching: body)) }
        return try result.take().get()
    }

    /// Starts a detached thread.
    ///
    /// - Throws: `CommandError` where the system has none left; `body` never runs.
    static func start(
        _ name: String, policy: ThreadPolicy = .latency, _ body: @escaping @Sendable () -> Void
    ) throws(CommandError) {
        let box = Unmanaged.passRetained(Box(name, policy, body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackBytes)
        #if canImport(Darwin)
        var thread: pthread_t?
        #else
        var thread = pthread_t()
        #endif
        let status = pthread_create(
            &thread, &attributes,
            { raw in
                #if canImport(Darwin)
                let box = Unmanaged<Box>.fromOpaque(raw).takeRetainedValue()
                #else
                guard let raw else { return nil }
                let box = Unmanaged<Box>.fromOpaque(raw).takeRetainedValue()
                #endif
                box.run()
                return nil
            }, box.toOpaque())
        guard status == 0 else {
            box.release()
            throw .failed("the system gives no more threads; use fewer --threads")
        }
        #if canImport(Darwin)
        if let thread { pthread_detach(thread) }
        #else
        pthread_detach(thread)
        #endif
    }
}
