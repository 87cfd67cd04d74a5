import Synchronization

/// What happens to workers, and when: a function of the seed alone, but for the order in which they ask.
final class ChaosSchedule: Sendable {
    private struct State {
        var random: UInt64
        var told: [String] = []
    }

    private let state: Mutex<State>

    init(seed: UInt64) { state = Mutex(State(random: seed)) }

    /// What was given out.
    var told: [String] { state.withLock { $0.told } }

    /// The next fault of a worker.
    ///
    /// - Parameter step: the last one that is done; the fault comes some steps later.
    func fault(of worker: String, after step: Int) -> String {
        let faults = ["kill", "kill", "exit", "stop", "hang", "drop-links"]
        let points = [
            "load", "forward", "backward", "allReduce", "record", "update", "snapshot", "freezing", "linking",
            "levelling", "preparing",
        ]
        return state.withLock { state in
            var point = points[ChaosSchedule.number(below: points.count, &state.random)]
            // What hangs is seen where progress is due.
            var fault = faults[ChaosSchedule.number(below: faults.count, &state.random)]
            if fault == "hang", !["load", "forward", "backward", "record", "update"].contains(point) { fault = "kill" }
            let hasNoLinks = ["preparing", "linking", "levelling", "freezing"].contains(point)
            if fault == "drop-links", hasNoLinks { fault = "exit" }
            // Else it could be that nobody ever meets what is planned, as long as nobody else does.
            if state.told.isEmpty { (fault, point) = ("kill", "load") }
            let distance = ChaosSchedule.number(below: 60, &state.random) + 5
            let item = "\(fault)=\(point == "preparing" ? 0 : step + distance):\(point):\(worker)"
            state.told.append(item)
            return item
        }
    }

    /// Milliseconds for which a stopped process stays so.
    func pause() -> Int {
        state.withLock { 100 + ChaosSchedule.number(below: 1500, &$0.random) }
    }

    /// SplitMix64.
    private static func number(below bound: Int, _ state: inout UInt64) -> Int {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return Int((value ^ (value >> 31)) % UInt64(bound))
    }
}
