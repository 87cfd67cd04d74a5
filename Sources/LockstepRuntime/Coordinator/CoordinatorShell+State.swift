internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepFormats
internal import LockstepTracing
internal import LockstepWire
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Tracing

/// The state that workers hand over, and the spans that they send.
extension CoordinatorShell {
    // MARK: The state

    mutating func collect(_ frame: ControlFrame, from name: String) {
        let header = frame.header
        // What is late, skipped or was never due belongs to nothing any more.
        guard header.kind == .share, header.generation == core.roster?.generation ?? 0,
            let shares = core.expectedShares(ofStep: header.step)
        else { return }
        let isWhole: Bool
        do {
            isWhole = try frame.payload.withUnsafeReadableBytes { bytes throws(StateCollector.Fault) in
                try collections.receive(header, bytes, from: name, shares: shares)
            }
        } catch {
            _ = collections.take(header.step)
            return handle(.stateInvalid(step: header.step, reason: error.reason))
        }
        handle(.shareReceived(name: name, step: header.step))
        if isWhole { handle(.stateCollected(step: header.step)) }
    }

    /// Checks and writes on a thread that may take its time and wait for the disk.
    mutating func writeSnapshot(_ step: UInt32, hash: StateHash, isBest: Bool) {
        guard let collector = collections.take(step) else {
            return events.post(.core(.snapshotFailed(step: step, reason: "its shares are gone")))
        }
        NIOThreadPool.singleton.submit {
            [writer, events, logger, recorder = run.recorder, tracer = tracing.tracer, context = span.context] _ in
            let span = tracer.startSpan(TraceName.snapshot, context: context, ofKind: .internal)
            span.attributes[TraceName.stepNumber] = Int64(step)
            let event: CoordinatorEvents.Event
            do {
                // A run that resumes from it has the reports up to it.
                CoordinatorShell.synchronize(recorder, logger)
                switch try writer.write(collector, hash: hash, isBest: isBest) {
                case .written(let snapshot, let pruned): event = .snapshotWritten(snapshot, pruned: pruned, step: step)
                case .invalid(let reason): event = .core(.stateInvalid(step: step, reason: reason))
                }
            } catch {
                span.recordError(error)
                let reason = (error as? CommandError)?.message ?? String(describing: error).escapedForDisplay()
                event = .core(.snapshotFailed(step: step, reason: reason))
            }
            // The run may end with this event, and its span after this one.
            span.end()
            events.post(event)
        }
    }

    // MARK: Traces

    func writeSpans() {
        guard let lines = tracing.sink?.takeLines(), !lines.isEmpty else { return }
        writeSpans(lines, of: "coordinator")
    }

    /// A full disk ends the trace, not the run; it is said once.
    func writeSpans(_ lines: [UInt8], of process: String) {
        if let error = traces.append(lines, of: process) { logger.error("\(error.message)") }
    }
}
