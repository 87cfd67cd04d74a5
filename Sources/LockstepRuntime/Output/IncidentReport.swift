internal import LockstepCluster
internal import LockstepCore
internal import LockstepFormats

/// Something that went wrong and that the run has survived, as people and programs see it.
struct IncidentReport: Sendable, Equatable {
    /// One line: who, where, why, what was done, and what was damaged where that has come out.
    private(set) var message: String
    let worker: String?
    let stage: Stage?
    let step: UInt32?
    /// From the first sign until the run went on; nil where it never stood still.
    let seconds: Double?
    /// The generation that went on, and with how many workers.
    let generation: UInt32?
    let workers: Int?
    /// Nanoseconds of the coordinator's clock.
    let at: UInt64

    init(_ incident: Incident) {
        let verdict = incident.verdict
        let seconds = Double(incident.resumedAt - min(incident.noticedAt, incident.resumedAt)) / 1e9
        message = incident.message
        worker = verdict.worker
        stage = verdict.stage
        step = verdict.step
        self.seconds = seconds
        generation = incident.roster.generation
        workers = incident.roster.members.count
        at = incident.noticedAt
    }

    /// Of what was found afterwards: what in the worker's state was damaged.
    ///
    /// - Returns: whether it belongs to this incident.
    mutating func add(_ damage: IncidentReport) -> Bool {
        guard generation == damage.generation, worker == nil || worker == damage.worker, workers != nil else {
            return false
        }
        message += "; \(damage.message)"
        return true
    }

    init(_ damage: Damage, of worker: String, generation: UInt32, at now: UInt64) {
        let tensors = damage.tensors.map { tensor in
            "\(tensor.name.escapedForDisplay(limit: 100)) (\(NumberText.grouped(tensor.count)) "
                + "\(tensor.count == 1 ? "element" : "elements"), the first at \(tensor.firstIndex))"
        }
        message =
            "the state of step \(damage.step) in worker \(worker.escapedForDisplay()) was damaged: "
            + (tensors.isEmpty ? "no tensor of it differs, only a number beside them" : tensors.joined(separator: ", "))
            + "; it holds a sound copy now. Test that machine's memory"
        self.worker = worker
        stage = nil
        step = damage.step
        seconds = nil
        self.generation = generation
        workers = nil
        at = now
    }

    /// As `lockstep status --json` has it.
    ///
    /// - Parameter now: nanoseconds of the coordinator's clock.
    func value(at now: UInt64) -> JSONValue {
        [
            "message": .string(message), "worker": worker.map { .string($0) } ?? .null,
            "stage": stage.map { .string($0.description) } ?? .null, "step": step.map { .number($0) } ?? .null,
            "seconds": seconds.map { .number($0) } ?? .null, "generation": generation.map { .number($0) } ?? .null,
            "workers": workers.map { .number($0) } ?? .null,
            "secondsAgo": .number(Double(now - min(at, now)) / 1e9),
        ]
    }
}
