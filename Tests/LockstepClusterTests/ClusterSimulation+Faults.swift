import LockstepCluster
import LockstepCore
import LockstepTestSupport

/// What befalls processes and links.
extension ClusterSimulation {
    /// The process is gone: its connections break.
    func end(_ index: Int, _ description: String) {
        processes[index].isAlive = false
        for connection in [processes[index].connection, processes[index].bulk] {
            travel(.atCoordinator(.closed(connection, reason: "end of stream")), line: "from \(connection)")
        }
        if scenario.hasLauncher {
            let event = CoordinatorEvent.processEnded(
                name: processes[index].name, processIdentifier: Int32(index), description: description)
            queue.add(.atCoordinator(event), at: now + delay(100_000...200_000_000))
        }
        guard let roster = processes[index].core.roster else { return }
        for member in roster.members where member.name != processes[index].name {
            if let peer = process(of: member), processes[peer].isAlive { loseLink(peer, index, "reset") }
        }
    }

    func befall(_ fault: ClusterScenario.Fault) {
        switch fault {
        case .crash(let index, _):
            guard processes[index].isPresent else { return }
            crashed.insert(index)
            end(index, "signal 9 (SIGKILL)")
            // By hand one starts another; a launcher does not.
            if !scenario.hasLauncher { addProcess(processes[index].name, at: now + 200_000_000) }
        case .hang(let index, _):
            guard processes[index].isPresent else { return }
            hung.insert(index)
            processes[index].isHung = true
            // By hand one ends it and starts another.
            addProcess("w\(index)", at: now + 20_000_000_000)
        case .cut(let first, let second, _):
            cuts.append((first, second))
            for (one, other) in [(first, second), (second, first)] where processes[one].isPresent {
                loseLink(one, other, "reset")
            }
        case .stop:
            stoppedIn = coordinator.mode
            atCoordinator(.stopRequested(reason: "SIGTERM"))
        case .duplicate(let worker, _): addProcess("w\(worker)", at: now)
        case .surplus: addProcess("surplus", at: now)
        case .stall(let index, _):
            guard processes[index].isPresent else { return }
            processes[index].isStalled = true
        case .bulkLost(let index, _):
            guard processes[index].isPresent else { return }
            let bulk = processes[index].bulk
            // What is sent on it later arrives after its end, and is nobody's.
            travel(.atCoordinator(.closed(bulk, reason: "reset")), line: "from \(bulk)")
            if !scenario.hasLauncher { addProcess(processes[index].name, at: now + 200_000_000) }
        case .unable, .notFinite, .flip, .misjudge, .staleShares, .fullDisk, .wrongSums: break
        }
    }
}
