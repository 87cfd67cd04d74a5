internal import LockstepCore

/// What an audited lane of a step is, by the voices of all that computed it.
struct LaneVote: Sendable, Equatable {
    let lane: Int
    let step: UInt32
    let generation: UInt32
    /// The owner's and the auditor's first; a lone worker has two.
    private(set) var voices: [LaneDifference.Voice]

    init(_ difference: LaneDifference, step: UInt32, generation: UInt32) {
        lane = difference.lane
        self.step = step
        self.generation = generation
        voices = difference.voices
    }

    /// Another worker says the same, and perhaps has a voice of its own.
    mutating func add(_ other: LaneVote) {
        guard other.generation == generation, other.step == step, other.lane == lane else { return }
        for voice in other.voices where !voices.contains(where: { $0.name == voice.name }) { voices.append(voice) }
    }

    /// The hash that more voices are for than for any other; nil where there is none.
    private var winner: UInt64? {
        func count(_ hash: UInt64) -> Int { voices.count { $0.hash == hash } }
        let most = voices.map { count($0.hash) }.max() ?? 0
        let candidates = voices.filter { count($0.hash) == most }.map(\.hash)
        return candidates.allSatisfy { $0 == candidates[0] } ? candidates.first : nil
    }

    /// Who computed otherwise than most did; empty where no hash has most voices.
    var outvoted: [String] {
        guard let winner else { return [] }
        return voices.filter { $0.hash != winner }.map(\.name)
    }

    /// Who, where, what, and what to do.
    var verdict: Verdict {
        let list = voices.map { "\($0.name.escapedForDisplay()) \($0.hash.sixteenDigits)" }.joined(separator: ", ")
        let wrong = outvoted.map { $0.escapedForDisplay() }.joined(separator: " and ")
        let isAlone = voices.allSatisfy { $0.name == voices[0].name }
        let (cause, remedy): (String, String)
        if !wrong.isEmpty {
            cause = "worker \(wrong) computed lane \(lane) of step \(step) otherwise than most did (\(list))"
            remedy = "test the memory and the processor of its machine before it takes part again"
        } else if isAlone {
            cause =
                "worker \(voices[0].name.escapedForDisplay()) computed lane \(lane) of step \(step) twice, differently (\(list))"
            remedy = "where this comes again, test the memory and the processor of its machine"
        } else {
            cause =
                "the workers computed lane \(lane) of step \(step) differently, and no result has most voices (\(list))"
            remedy =
                "where this comes again, test the memory and the processor of their machines, or add a worker: among "
                + "three it shows who is wrong"
        }
        return Verdict(
            worker: outvoted.count == 1 ? outvoted[0] : isAlone ? voices[0].name : nil, stage: .controlRecord,
            step: step, lane: lane, cause: cause, message: "\(cause); nothing of the step was applied; \(remedy)")
    }
}
