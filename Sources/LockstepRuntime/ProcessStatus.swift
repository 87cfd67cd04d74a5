package import LockstepCluster
package import Logging
internal import Synchronization

/// What this worker is doing, readable from any thread: event loops answer heartbeats from it while compute runs, and
/// log lines carry it.
package final class ProcessStatus: Sendable {
    package struct Reading: Sendable, Hashable {
        package var run = ""
        package var worker = ""
        package var generation: UInt32 = 0
        package var step = 0
        package var stage = Stage.idle
    }

    private let reading = Mutex(Reading())

    package init() {}

    package var now: Reading { reading.withLock { $0 } }

    package func update(_ change: (inout Reading) -> Void) { reading.withLock { change(&$0) } }

    /// Run, worker, generation and step on every log line.
    package var metadataProvider: Logger.MetadataProvider {
        Logger.MetadataProvider { [self] in
            let now = now
            var metadata: Logger.Metadata = ["generation": "\(now.generation)", "step": "\(now.step)"]
            if !now.run.isEmpty { metadata["run"] = "\(now.run)" }
            if !now.worker.isEmpty { metadata["worker"] = "\(now.worker)" }
            return metadata
        }
    }
}
