internal import CLockstepSystem

/// What the system's scheduler is told of a thread. Where a worker has as many compute threads as cores, they and the
/// event loops take turns on them.
package enum ThreadPolicy {
    /// For threads that compute and read samples. A loop that wakes the driver in the middle of what it sends would
    /// else lose the core to it for a whole time slice, and the peers would wait for the rest.
    case throughput
    /// For event loops: they take the core as soon as there is something to carry.
    case latency

    /// Tells it of the calling thread and of those that it starts afterwards.
    package func apply() { ls_system_favour_throughput(self == .throughput ? 1 : 0) }
}
