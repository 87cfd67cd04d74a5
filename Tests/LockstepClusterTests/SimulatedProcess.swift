import LockstepCluster
import LockstepCollectives
import LockstepCore

/// A worker's process: the real core and the real exchange, over a state that is only a chain of numbers.
struct SimulatedProcess {
    let number: Int
    let name: String
    /// Its control and its bulk connection.
    let connection: ConnectionNumber
    let bulk: ConnectionNumber
    var core: WorkerCore
    var exchange: Exchange?
    /// The trial that its exchange is for.
    var trial: Measure?
    /// Frames that have no place yet, in order of arrival: from whom, and what.
    var held: [(from: Int, header: FrameHeader, payload: [UInt8])] = []
    var isAlive = false
    var isHung = false
    /// Its event loops live, and its driver does nothing any more.
    var isStalled = false
    var exitCode: ExitCode?
    var state = SimulatedState()
    /// S(N−1), which nobody may take for S(N).
    var previous = SimulatedState()
    var hasSentShare = false
    /// The rails that it offers.
    var ports: [Int] = []

    var isMember: Bool { core.roster != nil }

    init(number: Int, name: String) {
        self.number = number
        self.name = name
        connection = ConnectionNumber(number)
        bulk = ConnectionNumber(number + Self.firstBulk)
        core = WorkerCore(
            WorkerIdentity(
                name: name, process: ProcessNumber(UInt64(number) + 1000), host: "h", processIdentifier: Int32(number),
                version: "1", instructionSet: "avx2", threads: 1, cores: 1 + number % 3, hasOwnCores: true))
    }

    /// Whether it still does what it is told.
    var isPresent: Bool { isAlive && !isHung && !isStalled }

    /// Whether its event loops answer.
    var isResponsive: Bool { isAlive && !isHung }

    /// The process that a connection belongs to.
    static func number(of connection: ConnectionNumber) -> Int { connection.rawValue % firstBulk }

    private static let firstBulk = 10_000

    /// What the shell answers to a ping, without the core.
    func pong(_ nonce: UInt64) -> ControlMessage {
        let names = core.roster?.members.map(\.name) ?? []
        let waitingFor = (exchange?.waitingFor ?? []).map { names[$0] }
        return .pong(Pong(nonce: nonce, step: core.currentStep, stage: core.stage, waitingFor: waitingFor))
    }
}
