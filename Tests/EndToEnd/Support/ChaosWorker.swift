import LockstepFormats

/// A name under which one process after the other works, each with a fault of its own, until the run is over.
struct ChaosWorker: Sendable {
    let name: String
    let cluster: HandCluster
    let coordinator: HandCluster.Coordinator

    func live(_ schedule: ChaosSchedule) async throws {
        while !coordinator.process.hasEnded {
            let fault = schedule.fault(of: name, after: lastStep)
            let faults = try PlannedFaults([fault, "deadlines=1000"], in: cluster.directory)
            let process = try cluster.worker(
                name, join: coordinator.address, environment: faults.environment)
            let number = try await process.processIdentifier()
            let pause = schedule.pause()
            // Milliseconds that it has been stopped, has hung, has been of no use.
            var (stopped, hung, useless) = (0, 0, 0)
            while !process.hasEnded {
                // Who stops or hangs tells nobody.
                let tick = 20
                try await Task.sleep(for: .milliseconds(tick))
                if ProcessTable.isStopped(number) {
                    stopped += tick
                    if stopped >= pause { Signal.send(Signal.proceed, to: number) }
                }
                if fault.hasPrefix("hang"), faults.missing.isEmpty { hung += tick }
                if coordinator.process.hasEnded { useless += tick }
                if hung > 3000 || useless > 2000 { Signal.send(Signal.kill, to: number) }
            }
        }
    }

    /// The last step that was reported.
    private var lastStep: Int {
        coordinator.process.output.last.flatMap { try? JSONValue(parsing: Array($0.utf8))["step"]?.int } ?? 0
    }
}
