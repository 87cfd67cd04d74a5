internal import LockstepCore

/// A worker or a link is lost: evidence, and one verdict.
extension CoordinatorCore {
    mutating func handleClosed(
        _ connection: ConnectionNumber, _ reason: String, _ now: UInt64
    ) -> [CoordinatorAction] {
        if let index = workers.firstIndex(where: { $0.bulk == connection }) {
            workers[index].bulk = nil
            let cause = "its bulk connection was lost: \(reason.escapedForDisplay())"
            switch mode {
            case .gathering: return expel(index, cause, now, exitCode: .temporary)
            case .measuring, .linking, .running, .planned, .collecting:
                // If its process has ended, that will be heard and says more.
                abandoned.append(workers[index].connection)
                return lose(index, cause, now)
            case .writing, .ended: return []
            }
        }
        guard let index = workers.firstIndex(where: { $0.connection == connection }) else { return [] }
        return lose(index, "its control connection was lost: \(reason.escapedForDisplay())", now)
    }

    mutating func handleProcessEnded(
        _ name: String, _ processIdentifier: Int32, _ description: String, _ now: UInt64
    ) -> [CoordinatorAction] {
        if let known = losses.firstIndex(where: { $0.name == name && $0.processIdentifier == processIdentifier }) {
            if !losses[known].isSettled { losses[known].cause = description }
            return []
        }
        if let index = workers.firstIndex(where: { $0.name == name }) {
            // Another process has the name's place, and this one was refused.
            guard workers[index].processIdentifier == processIdentifier else { return [] }
            if mode != .gathering { return lose(index, description, now) }
            workers.remove(at: index)
        }
        guard mode == .gathering else { return [] }
        // Nobody will start it again, so the run cannot get its workers.
        losses.append(
            Loss(
                name: name, processIdentifier: processIdentifier, stage: .preparing, step: 0, cause: description,
                isSettled: false))
        judgeAt = min(judgeAt ?? UInt64.max, now + configuration.timing.grace)
        return []
    }

    mutating func handleLinkDown(_ index: Int, _ report: LinkDown, _ now: UInt64) -> [CoordinatorAction] {
        let reporter = workers[index].name
        // The members are done with each other when all their turns are over.
        guard done[reporter] == nil, roster?.index(of: report.peer) != nil else { return [] }
        lostLinks.append(
            LostLink(reporter: reporter, peer: report.peer, reason: report.reason.escapedForDisplay()))
        judgeAt = min(judgeAt ?? UInt64.max, now + configuration.timing.grace)
        return [
            .log(
                .warning,
                "worker \(reporter.escapedForDisplay()) lost its link to \(report.peer.escapedForDisplay()): "
                    + report.reason.escapedForDisplay(),
                metadata: ["worker": reporter.escapedForDisplay()])
        ]
    }

    /// A worker broke the rules of the conversation, or cannot take part in it any more. It is told and given up.
    mutating func expel(
        _ index: Int, _ reason: String, _ now: UInt64, exitCode: ExitCode = .failed
    ) -> [CoordinatorAction] {
        let connection = workers[index].connection
        let release = Release(reason: "the coordinator gave this worker up: \(reason)", exitCode: exitCode)
        return [.send(connection, .release(release)), .close(connection, reason: reason)]
            + lose(index, reason, now, isSettled: true)
    }

    private mutating func lose(
        _ index: Int, _ cause: String, _ now: UInt64, isSettled: Bool = false
    ) -> [CoordinatorAction] {
        let worker = workers.remove(at: index)
        let name = worker.name.escapedForDisplay()
        var actions: [CoordinatorAction] = []
        if let bulk = worker.bulk { actions.append(.close(bulk, reason: "its worker is lost")) }
        if mode == .gathering {
            actions.append(
                .log(
                    .warning,
                    "worker \(name) left before the start: \(cause); waiting for another",
                    metadata: ["worker": name]))
            departures += 1
            guard departures > configuration.departures else { return actions }
            let message = "\(departures) workers left before the start, the last of them worker \(name): \(cause)"
            return actions + fail(Verdict(worker: worker.name, stage: .preparing, cause: cause, message: message))
        }
        if case .writing = mode { return actions }
        losses.append(
            Loss(
                name: worker.name, processIdentifier: worker.processIdentifier, stage: worker.stage, step: worker.step,
                cause: cause, isSettled: isSettled))
        actions.append(.log(.warning, "worker \(name) is lost: \(cause)", metadata: ["worker": name]))
        judgeAt = min(judgeAt ?? UInt64.max, now + configuration.timing.grace)
        return actions
    }

    // MARK: Time

    mutating func handleTick(_ now: UInt64) -> [CoordinatorAction] {
        if let judgeAt, now >= judgeAt { return judge() }
        if let stopAt, now >= stopAt {
            stopReason = stopReason ?? lateStopReason
            return finish(snapshotStep: nil, hash: nil)
        }
        var actions: [CoordinatorAction] = []
        let seconds = configuration.timing.silence / 1_000_000_000
        while mode != .ended,
            let index = workers.firstIndex(where: { now >= $0.lastHeard + configuration.timing.silence })
        {
            let place = place(workers[index].stage, of: workers[index].step)
            actions += expel(index, "no answer for \(seconds) s, last in \(place)", now, exitCode: .temporary)
        }
        if let standstillAt, now >= standstillAt { actions += handleStandstill(now) }
        guard mode != .ended else { return actions }
        if let pingAt, now >= pingAt {
            self.pingAt = now + configuration.timing.pingInterval
            for worker in workers {
                actions.append(.send(worker.connection, .ping(nonce: nextNonce)))
                nextNonce += 1
            }
        }
        return actions
    }

    /// One verdict on all the evidence: a lost worker explains lost links, not the other way round.
    private mutating func judge() -> [CoordinatorAction] {
        let verdict: Verdict
        if let loss = losses.first {
            verdict = self.verdict(on: loss)
        } else if let link = lostLinks.first {
            verdict = self.verdict(on: link)
        } else {
            judgeAt = nil
            return []
        }
        return conclude(verdict)
    }

    /// Fails, unless someone has asked for the end: who does often ends the workers too, and that is no failure.
    mutating func conclude(_ verdict: Verdict) -> [CoordinatorAction] {
        guard let wish = stopReason ?? lateStopReason else { return fail(verdict) }
        stopReason = "\(wish); there is no snapshot, because \(verdict.message)"
        return finish(snapshotStep: nil, hash: nil)
    }

    /// Where a worker is or was, for messages.
    func place(_ stage: Stage, of step: UInt32) -> String { step > 0 ? "\(stage) of step \(step)" : "\(stage)" }

    private func verdict(on loss: Loss) -> Verdict {
        // Nobody gets ahead of a lost worker by more than its own update. Who is beyond its last words waits for it.
        let front = workers.filter { $0.name != loss.name }.max { $0.step < $1.step }
        let (stage, step) = front.flatMap { $0.step > loss.step ? ($0.stage, $0.step) : nil } ?? (loss.stage, loss.step)
        let place = place(stage, of: step)
        return Verdict(
            worker: loss.name, stage: stage, step: step > 0 ? step : nil, cause: loss.cause,
            message: "worker \(loss.name.escapedForDisplay()) was lost (\(place)): \(loss.cause)")
    }

    /// All ends are alive. Where several links broke that share one end, that end is to blame.
    private func verdict(on link: LostLink) -> Verdict {
        let ends = [link.reporter, link.peer]
        let others = lostLinks.filter { !ends.contains($0.reporter) || !ends.contains($0.peer) }
        let common =
            others.isEmpty
            ? nil
            : ends.first { end in
                others.allSatisfy { $0.reporter == end || $0.peer == end }
            }
        let worker = workers.first { $0.name == common ?? link.reporter }
        let names = ends.map { $0.escapedForDisplay() }
        let cause = "the link between \(names[0]) and \(names[1]) broke: \(link.reason)"
        let step = worker.map(\.step).flatMap { $0 > 0 ? $0 : nil }
        return Verdict(worker: common, stage: worker?.stage, step: step, cause: cause, message: cause)
    }
}
