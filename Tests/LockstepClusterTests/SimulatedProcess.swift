import LockstepCluster
import LockstepCollectives
import LockstepCore

/// A worker's process: the real core and the real exchange, over a state that is only a number of steps.
struct SimulatedProcess {
    let number: Int
    let name: String
    let connection: ConnectionNumber
    var core: WorkerCore
    var exchange: Exchange?
    var isAlive = false
    var isHung = false
    var exitCode: ExitCode?
    /// The state: the steps that were applied, and whether a bit of it was flipped.
    var step: UInt32 = 0
    var isFlipped = false
    var hasSentShare = false

    init(number: Int, name: String) {
        self.number = number
        self.name = name
        connection = ConnectionNumber(number)
        core = WorkerCore(
            WorkerIdentity(
                name: name, process: ProcessNumber(UInt64(number) + 1000), host: "h", processIdentifier: Int32(number),
                version: "1", instructionSet: "avx2", threads: 1))
    }

    /// Whether it still listens and answers.
    var isPresent: Bool { isAlive && !isHung }

    var stateHash: StateHash { SimulatedProcess.hash(of: step, flipped: isFlipped) }

    static func hash(of step: UInt32, flipped: Bool = false) -> StateHash {
        StateHash(high: UInt64(step), low: flipped ? 1 : 0)
    }
}
