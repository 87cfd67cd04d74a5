internal import LockstepCore

/// A worker or a link is lost: evidence, and one verdict.
extension CoordinatorCore {
    mutating func handleClosed(
        _ connection: ConnectionNumber, _ reason: String, _ now: UInt64
    ) -> [CoordinatorAction] {
        if let index = workers.firstIndex(where: { $0.bulk == connection }) {
            workers[index].bulk = nil
            guard case .collecting = mode else { return [] }
            return lose(index, "its bulk connection was lost: \(reason.escapedForDisplay())", now)
        }
        guard let index = workers.firstIndex(where: { $0.connection == connection }) else { return [] }
        return lose(index, "its control connection was lost: \(reason.escapedForDisplay())", now)
    }

    mutating func handleProcessEnded(
        _ name: String, _ processIdentifier: Int32, _ description: String, _ now: UInt64
    ) -> [CoordinatorAction] {
        if let known = losses.firstIndex(where: { $0.name == name && $0.processIdentifier == processIdentifier }) {
            losses[known].cause = description
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
            Loss(name: name, processIdentifier: processIdentifier, stage: .preparing, step: 0, cause: description))
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

    /// A worker broke the rules of the conversation.
    mutating func expel(_ index: Int, _ reason: String, _ now: UInt64) -> [CoordinatorAction] {
        let connection = workers[index].connection
        return [.close(connection, reason: reason)] + lose(index, reason, now)
    }

    private mutating func lose(_ index: Int, _ cause: String, _ now: UInt64) -> [CoordinatorAction] {
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
            return actions
        }
        if case .writing = mode { return actions }
        losses.append(
            Loss(
                name: worker.name, processIdentifier: worker.processIdentifier, stage: worker.stage, step: worker.step,
                cause: cause))
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
        for worker in workers where now >= worker.lastHeard + configuration.timing.silence {
            guard let index = workers.firstIndex(where: { $0.name == worker.name }) else { continue }
            let seconds = configuration.timing.silence / 1_000_000_000
            let place = worker.step > 0 ? "\(worker.stage) of step \(worker.step)" : worker.stage.description
            actions += [.close(worker.connection, reason: "no answer for \(seconds) s")]
            actions += lose(index, "no answer for \(seconds) s, last in \(place)", now)
        }
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
            verdict = CoordinatorCore.verdict(on: loss)
        } else if let link = lostLinks.first {
            verdict = self.verdict(on: link)
        } else {
            judgeAt = nil
            return []
        }
        // Who asks for the end often ends the workers too; that is no failure of the run.
        guard let wish = stopReason else { return fail(verdict) }
        stopReason = "\(wish); there is no snapshot, because \(verdict.message)"
        return finish(snapshotStep: nil, hash: nil)
    }

    private static func verdict(on loss: Loss) -> Verdict {
        let place = loss.step > 0 ? "\(loss.stage) of step \(loss.step)" : loss.stage.description
        return Verdict(
            worker: loss.name, stage: loss.stage, step: loss.step > 0 ? loss.step : nil, cause: loss.cause,
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
