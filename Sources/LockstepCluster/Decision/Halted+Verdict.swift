internal import LockstepCore

extension Halted {
    /// What a worker that applied nothing says about it.
    var verdict: Verdict {
        var verdict = verdictOfCause
        verdict.isCertain = cause.isCertain
        return verdict
    }

    private var verdictOfCause: Verdict {
        switch cause {
        case .lossNotFinite(let lane):
            let cause = "the loss of lane \(lane) is not finite"
            return Verdict(
                stage: .controlRecord, step: step, lane: lane, cause: cause,
                message: "\(cause) in step \(step); nothing was applied; try a smaller learning rate")
        case .gradientNotFinite:
            let cause = "the summed gradient is not finite"
            return Verdict(
                stage: .update, step: step, cause: cause,
                message: "\(cause) in step \(step); nothing was applied; try a smaller learning rate")
        case .hashesDiffer(let hashes):
            let list = hashes.map { "\($0.name.escapedForDisplay()) \($0.hash)" }.joined(separator: ", ")
            let cause = "the workers' states differ: \(list)"
            return Verdict(
                worker: Self.minority(hashes.map { ($0.name, $0.hash) }), stage: .controlRecord, step: step,
                cause: cause,
                message: "\(cause); found in step \(step), of which nothing was applied")
        case .judgementsDiffer(let judgements):
            let list = judgements.map { "\($0.name.escapedForDisplay()) \(ProcessNumber($0.judgement))" }
                .joined(separator: ", ")
            let cause = "the workers judged the validation differently: \(list)"
            return Verdict(
                worker: Self.minority(judgements.map { ($0.name, $0.judgement) }), stage: .controlRecord, step: step,
                cause: cause, message: "\(cause); found after step \(step)")
        case .auditDiffers(let difference): return LaneVote(difference, step: step, generation: generation).verdict
        case .other(let text):
            let cause = text.escapedForDisplay()
            return Verdict(step: step, cause: cause, message: "step \(step): \(cause)")
        }
    }

    /// Who judged a validation otherwise than most did.
    var outvoted: [String] {
        guard case .judgementsDiffer(let judgements) = cause else { return [] }
        let voices = judgements.map { one in judgements.count { $0.judgement == one.judgement } }
        let most = zip(judgements, voices).filter { $0.1 == voices.max() }.map(\.0)
        let isTie = most.contains { $0.judgement != most.first?.judgement }
        return judgements.filter { isTie || $0.judgement != most.first?.judgement }.map(\.name)
    }

    /// The one worker whose value differs while all others agree, where there are at least two others.
    private static func minority(_ values: [(name: String, value: some Equatable)]) -> String? {
        guard values.count > 2 else { return nil }
        return values.first { candidate in
            let others = values.filter { $0.name != candidate.name }.map(\.value)
            return others.allSatisfy { $0 == others.first } && others.first != candidate.value
        }?.name
    }
}
