internal import LockstepCore

/// What is known of a failure: however much follows from it, there is one verdict.
struct Evidence: Sendable {
    /// That a worker is gone.
    struct Loss: Sendable {
        let name: String
        let process: ProcessNumber
        let processIdentifier: Int32
        let stage: Stage
        let step: UInt32
        var cause: String
        /// The coordinator gave it up; how its process ends then is no better evidence.
        let isSettled: Bool
    }

    /// That a link is gone.
    struct LostLink: Sendable {
        let reporter: String
        let peer: String
        let reason: String
    }

    /// Where a worker that lives is.
    struct Place: Sendable {
        let name: String
        let stage: Stage
        let step: UInt32

        var description: String { Evidence.place(stage, of: step) }
    }

    /// When the first sign of it came.
    let noticedAt: UInt64
    private(set) var losses: [Loss] = []
    private(set) var links: [LostLink] = []
    /// Who applied nothing, and why.
    private(set) var halts: [(name: String, halted: Halted)] = []
    /// Members that could not dial another one when all stood still.
    private(set) var unreached: [(name: String, peer: String)] = []
    /// Nothing got on; or nobody could say more than this.
    private(set) var standstill: Verdict?
    /// Members that may have been ahead of a lost one when it was lost.
    private var front: Place?

    init(noticedAt: UInt64) { self.noticedAt = noticedAt }

    /// Where a worker is or was, for messages.
    static func place(_ stage: Stage, of step: UInt32) -> String { step > 0 ? "\(stage) of step \(step)" : "\(stage)" }

    /// What an audited lane is by all that computed it; nil where no audit differed.
    var laneVote: LaneVote? {
        var vote: LaneVote?
        for (_, halted) in halts {
            guard case .auditDiffers(let difference) = halted.cause else { continue }
            let other = LaneVote(difference, step: halted.step, generation: halted.generation)
            if let known = vote, known.generation >= other.generation { vote?.add(other) } else { vote = other }
        }
        return vote
    }

    var isEmpty: Bool { losses.isEmpty && links.isEmpty && halts.isEmpty && standstill == nil }

    /// - Parameter others: where the workers are that live.
    mutating func add(_ loss: Loss, others: [Place]) {
        if losses.isEmpty { front = others.max { $0.step < $1.step } }
        losses.append(loss)
    }

    mutating func add(_ link: LostLink) { links.append(link) }

    mutating func add(_ outOfReach: [String], from name: String) {
        for peer in outOfReach where !unreached.contains(where: { $0 == (name, peer) }) {
            unreached.append((name, peer))
        }
    }

    mutating func add(_ halted: Halted, of name: String) {
        halts.removeAll { $0.name == name && $0.halted.generation < halted.generation }
        if !halts.contains(where: { $0.name == name }) { halts.append((name, halted)) }
    }

    mutating func add(standstill verdict: Verdict) { standstill = standstill ?? verdict }

    /// How a lost worker's process ended: better than what a closed connection says.
    ///
    /// - Returns: whether it is one of these.
    mutating func explain(_ name: String, _ processIdentifier: Int32, _ description: String) -> Bool {
        guard
            let index = losses.firstIndex(where: {
                $0.name == name && $0.processIdentifier == processIdentifier
            })
        else { return false }
        if !losses[index].isSettled { losses[index].cause = description }
        return true
    }

    /// A lost worker explains lost links and a standstill, not the other way round; a state that differs explains itself.
    ///
    /// - Parameters:
    ///   - living: where the workers are that are there.
    ///   - reached: the step that others have completed with a lost worker; 0 where that is not known.
    func verdict(living: [Place], reached: UInt32 = 0) -> Verdict? {
        if let laneVote { return laneVote.verdict }
        if let (_, halted) = halts.first(where: { $0.halted.cause.isDifference }) { return halted.verdict }
        if let loss = losses.first { return verdict(on: loss, reached: reached) }
        if let (_, halted) = halts.first { return halted.verdict }
        guard var verdict = standstill ?? links.first.map({ verdict(on: $0, living: living) }) else { return nil }
        if let reach {
            verdict.cause += "; \(reach)"
            verdict.message += "; \(reach)"
        }
        return verdict
    }

    /// Who cannot reach whom; nil where all can.
    private var reach: String? {
        // Of two that cannot dial each other both say so.
        let pairs = unreached.enumerated().filter { place, pair in
            !unreached.prefix(place).contains { $0 == (pair.peer, pair.name) }
        }.map(\.element)
        guard !pairs.isEmpty else { return nil }
        let shown = pairs.prefix(8).map { name, peer in
            let (name, other) = (name.escapedForDisplay(), peer.escapedForDisplay())
            return unreached.contains { $0 == (peer, name) }
                ? "\(name) and \(other) cannot reach each other" : "\(name) cannot reach \(other)"
        }
        let rest = pairs.count > shown.count ? " and \(pairs.count - shown.count) more pairs" : ""
        return shown.joined(separator: ", ") + rest
    }

    private func verdict(on loss: Loss, reached: UInt32) -> Verdict {
        // Nobody gets ahead of a lost worker by more than its own update. Who is beyond its last words waits for it.
        let (stage, step) = front.flatMap { $0.step > loss.step ? ($0.stage, $0.step) : nil } ?? (loss.stage, loss.step)
        var cause = loss.cause
        if loss.isSettled, let standstill, standstill.worker == loss.name {
            cause = "\(standstill.cause), and \(cause)"
        }
        // It had its part in all steps that are done, so its last words are older than its end.
        let isLater = reached > step && stage.isOfStep
        let place = isLater ? "after step \(reached)" : "in \(Evidence.place(stage, of: step))"
        var message = "worker \(loss.name.escapedForDisplay()) was lost \(place): \(cause)"
        let others = losses.dropFirst()
        if !others.isEmpty {
            let shown = others.prefix(8).map { "\($0.name.escapedForDisplay()) (\($0.cause))" }
            message += "; lost with it: " + shown.joined(separator: ", ")
            if others.count > shown.count { message += " and \(others.count - shown.count) more" }
        }
        return Verdict(
            worker: loss.name, stage: isLater ? nil : stage, step: isLater ? reached : step > 0 ? step : nil,
            cause: cause, message: message)
    }

    /// All ends are alive. Where several links broke that share one end, that end is to blame.
    private func verdict(on link: LostLink, living: [Place]) -> Verdict {
        let ends = [link.reporter, link.peer]
        let others = links.filter { !ends.contains($0.reporter) || !ends.contains($0.peer) }
        let common =
            others.isEmpty
            ? nil
            : ends.first { end in
                others.allSatisfy { $0.reporter == end || $0.peer == end }
            }
        let worker = living.first { $0.name == common ?? link.reporter }
        let names = ends.map { $0.escapedForDisplay() }
        let cause = "the link between \(names[0]) and \(names[1]) broke: \(link.reason)"
        let step = worker.map(\.step).flatMap { $0 > 0 ? $0 : nil }
        return Verdict(worker: common, stage: worker?.stage, step: step, cause: cause, message: cause)
    }
}

extension HaltCause {
    /// Whether the replicas are not the same.
    var isDifference: Bool {
        switch self {
        case .hashesDiffer, .judgementsDiffer, .auditDiffers: true
        case .lossNotFinite, .gradientNotFinite, .other: false
        }
    }

    var isAudit: Bool { if case .auditDiffers = self { true } else { false } }

    /// Whether it would come again, whoever computed the step.
    var isCertain: Bool {
        switch self {
        case .lossNotFinite, .gradientNotFinite: true
        case .hashesDiffer, .judgementsDiffer, .auditDiffers, .other: false
        }
    }
}
