#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// A process that crashes ends at once.
package enum CrashSignals {
    /// Where a toolchain is installed, the language's runtime would hold a crashing process for its backtrace, for ten
    /// seconds and more: others would take it for silent, and wait. Who sets `SWIFT_BACKTRACE` wants the backtrace.
    package static func endAtOnce() {
        guard getenv("SWIFT_BACKTRACE") == nil else { return }
        for number in [SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV] {
            // What a script lets its children ignore stays ignored.
            let former = signal(number, SIG_DFL)
            if isIgnore(former) { signal(number, SIG_IGN) }
        }
    }

    private static func isIgnore(_ handler: (@convention(c) (Int32) -> Void)?) -> Bool {
        unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
