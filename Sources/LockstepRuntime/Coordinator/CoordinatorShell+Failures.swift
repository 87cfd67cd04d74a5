internal import LockstepCluster
internal import LockstepCore
internal import LockstepFormats
internal import Logging
internal import NIOPosix
internal import Tracing

/// What a run survives, how it is shown, and the state that workers are given when none of them holds one.
extension CoordinatorShell {
    /// So many of the last incidents are shown.
    private static let mostIncidents = 16

    mutating func show(_ incident: Incident) {
        let report = IncidentReport(incident)
        keep(report)
        logger.warning("\(report.message)", metadata: CoordinatorShell.metadata(of: report))
        let span = tracing.tracer.startSpan(
            TraceName.incident, context: span.context, ofKind: .internal,
            at: StepInstant(monotonic: incident.noticedAt))
        span.attributes[TraceName.message] = report.message
        if let step = report.step { span.attributes[TraceName.stepNumber] = Int64(step) }
        span.attributes[TraceName.generation] = Int64(incident.roster.generation)
        if let worker = report.worker { span.attributes[TraceName.worker] = worker }
        span.setStatus(SpanStatus(code: .error, message: incident.verdict.cause))
        span.end(at: StepInstant(monotonic: incident.resumedAt))
        writeSpans()
    }

    /// A worker is distrusted once a generation at most; what it says beyond that is not heard.
    mutating func show(_ damage: Damage, of worker: String) {
        let generation = core.roster?.generation ?? 0
        guard damageHeard[worker] != generation else { return }
        damageHeard[worker] = generation
        let report = IncidentReport(
            damage, of: worker, generation: generation, at: ProcessClock.now)
        damages.append((worker, damage))
        if damages.count > CoordinatorShell.mostIncidents { damages.removeFirst() }
        // What is shown of an incident is one line, whatever comes out of it later.
        if !incidents.indices.reversed().contains(where: { incidents[$0].add(report) }) { keep(report) }
        logger.error("\(report.message)", metadata: CoordinatorShell.metadata(of: report))
    }

    private mutating func keep(_ report: IncidentReport) {
        incidents.append(report)
        if incidents.count > CoordinatorShell.mostIncidents { incidents.removeFirst() }
    }

    private static func metadata(of report: IncidentReport) -> Logger.Metadata {
        report.worker.map { ["worker": "\($0.escapedForDisplay())"] } ?? [:]
    }

    /// Loads the newest sound snapshot on a thread that may take its time, for workers that ask.
    func offerState() {
        NIOThreadPool.singleton.submit { [run, events, offered, logger, job = settings.job.job] _ in
            let event: CoordinatorEvent
            do {
                if let state = try OpenedRun.newestState(of: run.store, job: job, logger: logger) {
                    offered.offer(state)
                    event = .stateOffered(try state.holding(job))
                } else {
                    offered.offer(nil)
                    event = .nothingToOffer(reason: "the run has no sound snapshot")
                }
            } catch {
                offered.offer(nil)
                let reason = (error as? CommandError)?.message ?? String(describing: error).escapedForDisplay()
                event = .nothingToOffer(reason: reason)
            }
            events.post(.core(event))
        }
    }

    // MARK: Requests

    /// The answer to a line from `control.sock`.
    mutating func answer(_ request: String) -> String {
        let value = try? JSONValue(parsing: Array(request.utf8))
        switch value?["command"]?.string {
        case "status": return status.text
        case "drain": return drain(value?["worker"]?.string ?? "").value.text
        default: return #"{"error":"unknown request"}"#
        }
    }

    private var status: JSONValue {
        RunStatus(
            core: core, report: report, run: run, lastReport: lastReport, snapshot: snapshot, incidents: incidents,
            openedAt: openedAt, stateSince: state.since
        ).value
    }

    private mutating func drain(_ name: String) -> DrainAnswer {
        let workers = core.workerReadings
        let names = workers.map(\.name)
        guard let worker = workers.first(where: { $0.name == name }) else {
            return DrainAnswer(.unknown, worker: name, processIdentifier: 0, workers: names)
        }
        // Who follows the run takes the last member's place before that goes.
        let stay = workers.contains { other in
            other.name != name && !other.isLeaving && (other.lanes != nil || [.observer, .spare].contains(other.role))
        }
        guard stay || worker.lanes == nil else {
            return DrainAnswer(.last, worker: name, processIdentifier: worker.processIdentifier, workers: names)
        }
        handle(.drainRequested(name: name))
        return DrainAnswer(.asked, worker: name, processIdentifier: worker.processIdentifier, workers: names)
    }
}
