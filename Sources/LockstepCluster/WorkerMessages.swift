package import LockstepCore

/// The first message on a connection to the coordinator.
package struct Hello: Sendable, Equatable, Codable {
    package enum Purpose: String, Sendable, Codable {
        case control, bulk
    }

    package var name: String
    package var process: ProcessNumber
    /// The host's name and the operating system's number of the process, for messages to people.
    package var host: String
    package var processIdentifier: Int32
    package var purpose: Purpose
    /// The generation of the last START, 0 for none.
    package var running: UInt32
    /// The greatest generation promised, 0 for none.
    package var promised: UInt32
    /// The program's version; coordinator and workers run the same.
    package var version: String
    package var instructionSet: String
    package var threads: Int
    /// That the process may use.
    package var cores: Int
    /// Whether it was told these cores, so that they are not shared out among the workers of its host.
    package var hasOwnCores: Bool

    package init(
        name: String, process: ProcessNumber, host: String, processIdentifier: Int32, purpose: Purpose,
        running: UInt32 = 0, promised: UInt32 = 0, version: String, instructionSet: String, threads: Int,
        cores: Int = 1, hasOwnCores: Bool = false
    ) {
        self.name = name
        self.process = process
        self.host = host
        self.processIdentifier = processIdentifier
        self.purpose = purpose
        self.running = running
        self.promised = promised
        self.version = version
        self.instructionSet = instructionSet
        self.threads = threads
        self.cores = cores
        self.hasOwnCores = hasOwnCores
    }
}

/// The worker has compiled the plan, opened the data and holds S(n*).
package struct Prepared: Sendable, Equatable, Codable {
    package var planDigest: String
    /// The step whose state it holds: n*.
    package var step: UInt32
    package var stateHash: StateHash
    /// Where its data listeners are: one for each rail that it offers.
    package var host: String
    package var ports: [Int]

    package init(planDigest: String, step: UInt32, stateHash: StateHash, host: String, ports: [Int]) {
        self.planDigest = planDigest
        self.step = step
        self.stateHash = stateHash
        self.host = host
        self.ports = ports
    }

    package static let mostPorts = 16

    /// What is wrong with such a message of a run that begins after `start`; nil where the worker can be a member.
    func objection(start: UInt32) -> String? {
        if step != start { return "step \(step); the run goes on from step \(start)" }
        if !(1...Prepared.mostPorts).contains(ports.count) { return "\(ports.count) ports" }
        if let port = ports.first(where: { !(1...65_535).contains($0) }) { return "port \(port)" }
        guard (1...253).contains(host.utf8.count), host.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return "a host that is not 1 to 253 printable ASCII characters"
        }
        return nil
    }
}

/// Preflight failed.
package struct Unable: Sendable, Equatable, Codable {
    package var exitCode: ExitCode
    package var message: String

    package init(exitCode: ExitCode, message: String) {
        self.exitCode = exitCode
        self.message = message
    }
}

/// A link to a member is lost or could not be made.
package struct LinkDown: Sendable, Equatable, Codable {
    package var generation: UInt32
    package var peer: String
    package var reason: String

    package init(generation: UInt32, peer: String, reason: String) {
        self.generation = generation
        self.peer = peer
        self.reason = reason
    }
}

/// A state that was put aside for a snapshot, after all workers have agreed on its hash.
package struct AgreedState: Sendable, Hashable, Codable {
    package var step: UInt32
    package var hash: StateHash
    /// Whether its validation is the best so far.
    package var isBest: Bool

    package init(step: UInt32, hash: StateHash, isBest: Bool) {
        self.step = step
        self.hash = hash
        self.isBest = isBest
    }
}

/// A whole validation. All workers of a generation report the same.
package struct EvaluationReport: Sendable, Equatable, Codable {
    package var epoch: UInt32
    /// The last step of the epoch.
    package var step: UInt32
    /// Loss, weight, metrics over all batches.
    package var sums: [Double]

    package init(epoch: UInt32, step: UInt32, sums: [Double]) {
        self.epoch = epoch
        self.step = step
        self.sums = sums
    }

    /// What is wrong with a report that a worker sent; nil where it can be one.
    var objection: String? {
        if epoch == 0 { return "epoch 0" }
        if step == 0 { return "step 0" }
        return sums.isEmpty ? "no sums" : nil
    }
}

/// Where the worker is, and what was done since the last such message.
package struct Progress: Sendable, Equatable, Codable {
    package var generation: UInt32
    package var step: UInt32
    package var stage: Stage
    package var reports: [StepReport]
    package var evaluations: [EvaluationReport]
    package var agreed: [AgreedState]

    package init(
        generation: UInt32, step: UInt32, stage: Stage, reports: [StepReport], evaluations: [EvaluationReport] = [],
        agreed: [AgreedState] = []
    ) {
        self.generation = generation
        self.step = step
        self.stage = stage
        self.reports = reports
        self.evaluations = evaluations
        self.agreed = agreed
    }
}

/// The worker stands still with S(step), whose hash it has just computed.
package struct Frozen: Sendable, Equatable, Codable {
    package var generation: UInt32
    package var step: UInt32
    package var hash: StateHash
    /// Whether the validation of S(step) is the best so far.
    package var isBest: Bool

    package init(generation: UInt32, step: UInt32, hash: StateHash, isBest: Bool = false) {
        self.generation = generation
        self.step = step
        self.hash = hash
        self.isBest = isBest
    }
}

/// The worker has applied nothing in this step and stands still.
package struct Halted: Sendable, Equatable, Codable {
    package var generation: UInt32
    package var step: UInt32
    package var cause: HaltCause

    package init(generation: UInt32, step: UInt32, cause: HaltCause) {
        self.generation = generation
        self.step = step
        self.cause = cause
    }
}

/// All turns are finished; the worker holds S(step), the last one.
package struct Done: Sendable, Equatable, Codable {
    package var generation: UInt32
    package var step: UInt32
    package var hash: StateHash
    /// Whether the validation of S(step) is the best so far.
    package var isBest: Bool
    /// Lanes that this worker computed, over all training steps.
    package var lanesComputed: Int
    package var gradientBytesSent: Int
    /// Sums (loss, weight, metrics) over all batches of the evaluation.
    package var evaluation: [Double]?
    /// Sums (loss, weight, metrics) over the steps of the last epoch.
    package var lastEpoch: [Double]

    package init(
        generation: UInt32, step: UInt32, hash: StateHash, isBest: Bool = false, lanesComputed: Int,
        gradientBytesSent: Int, evaluation: [Double]?, lastEpoch: [Double]
    ) {
        self.generation = generation
        self.step = step
        self.hash = hash
        self.isBest = isBest
        self.lanesComputed = lanesComputed
        self.gradientBytesSent = gradientBytesSent
        self.evaluation = evaluation
        self.lastEpoch = lastEpoch
    }
}

/// The answer to a ping.
package struct Pong: Sendable, Equatable, Codable {
    package var nonce: UInt64
    package var step: UInt32
    package var stage: Stage
    /// Names of the members that the current turn waits for.
    package var waitingFor: [String]

    package init(nonce: UInt64, step: UInt32, stage: Stage, waitingFor: [String]) {
        self.nonce = nonce
        self.step = step
        self.stage = stage
        self.waitingFor = waitingFor
    }
}
