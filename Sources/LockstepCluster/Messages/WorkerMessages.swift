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
    /// The greatest incarnation of a coordinator that it has heard, 0 for none.
    package var incarnation: UInt32
    /// Whether it said PREPARED to an earlier coordinator, or on an earlier connection. It says so again after WELCOME.
    package var isPrepared: Bool

    package init(
        name: String, process: ProcessNumber, host: String, processIdentifier: Int32, purpose: Purpose,
        running: UInt32 = 0, promised: UInt32 = 0, version: String, instructionSet: String, threads: Int,
        cores: Int = 1, hasOwnCores: Bool = false, incarnation: UInt32 = 0, isPrepared: Bool = false
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
        self.incarnation = incarnation
        self.isPrepared = isPrepared
    }
}

/// The worker has compiled the plan and opened the data.
package struct Prepared: Sendable, Equatable, Codable {
    package var planDigest: String
    /// The hash of lane 0's gradient in the run's first step: program, kernels, data and randomness all show in it.
    package var probe: StateHash
    /// The state that it holds.
    package var holding: Holding
    /// Where its data listeners are: one for each rail that it offers.
    package var host: String
    package var ports: [Int]

    package init(planDigest: String, probe: StateHash, holding: Holding, host: String, ports: [Int]) {
        self.planDigest = planDigest
        self.probe = probe
        self.holding = holding
        self.host = host
        self.ports = ports
    }

    package static let mostPorts = 16

    /// What is wrong with such a message; nil where the worker can be a member.
    var objection: String? {
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
    /// What a lane takes this worker, the median of its last steps; 0 where it is not known.
    package var secondsPerLane: Double
    package var reports: [StepReport]
    package var evaluations: [EvaluationReport]
    package var agreed: [AgreedState]
    /// The newest control record that agreed.
    package var agreement: Frozen.Agreement?

    package init(
        generation: UInt32, step: UInt32, stage: Stage, secondsPerLane: Double = 0, reports: [StepReport],
        evaluations: [EvaluationReport] = [], agreed: [AgreedState] = [], agreement: Frozen.Agreement? = nil
    ) {
        self.generation = generation
        self.step = step
        self.stage = stage
        self.secondsPerLane = secondsPerLane
        self.reports = reports
        self.evaluations = evaluations
        self.agreed = agreed
        self.agreement = agreement
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

/// The worker wants to end, once others have its share.
package struct Leaving: Sendable, Hashable, Codable {
    package var reason: String

    package init(reason: String) { self.reason = reason }
}

/// A state that proved to be damaged was compared with the sound one that took its place.
package struct Damage: Sendable, Equatable, Codable {
    package struct DamagedTensor: Sendable, Equatable, Codable {
        package var name: String
        /// Elements whose bits differ.
        package var count: Int
        /// The first of them.
        package var firstIndex: Int

        package init(name: String, count: Int, firstIndex: Int) {
            self.name = name
            self.count = count
            self.firstIndex = firstIndex
        }
    }

    package var step: UInt32
    /// In flat order; a few at most.
    package var tensors: [DamagedTensor]

    package init(step: UInt32, tensors: [DamagedTensor]) {
        self.step = step
        self.tensors = tensors
    }
}
