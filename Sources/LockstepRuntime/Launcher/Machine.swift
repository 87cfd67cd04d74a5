internal import CLockstepSystem
internal import LockstepCore
internal import NIOCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// What this machine and this process's surroundings are.
enum Machine {
    /// Cores that this process may use.
    static var cores: Int {
        // NIO counts what the control group allows, not what this thread is bound to.
        let bound = coreNumbers.count
        return max(1, bound > 0 ? min(bound, System.coreCount) : System.coreCount)
    }

    /// The numbers of the cores that this process may use; empty where the system does not say.
    static var coreNumbers: [Int32] {
        var numbers = [Int32](repeating: 0, count: 4096)
        let count = ls_system_cores(&numbers, numbers.count)
        return Array(numbers.prefix(min(count, numbers.count)))
    }

    /// The cores of each of `workers` workers of `threads` threads: all cores, shared out; nil where there are too few.
    ///
    /// Workers that share cores disturb each other: a thread that is woken for the network waits a scheduler's tick
    /// behind another worker's computation.
    static func coreShares(workers: Int, threads: Int) -> [[Int32]]? {
        let numbers = coreNumbers
        guard workers > 0, threads > 0, workers * threads <= numbers.count else { return nil }
        return (0..<workers).map {
            Array(numbers[$0 * numbers.count / workers..<($0 + 1) * numbers.count / workers])
        }
    }

    /// Keeps this process, with all its threads, on the cores of a list such as `0,2,3`.
    static func run(onCores list: String) throws(CommandError) {
        let wrong = CommandError.usage(
            "--cores \"\(list.escapedForDisplay())\": give numbers of cores that this process may use, say 0,1")
        var numbers: [Int32] = []
        for part in list.split(separator: ",", omittingEmptySubsequences: false) {
            guard let number = Int32(part), number >= 0 else { throw wrong }
            numbers.append(number)
        }
        guard ls_system_run_process_on(numbers, numbers.count) == 0 else { throw wrong }
    }

    static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
